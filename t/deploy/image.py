"""What "docker build" does, without Docker: each stage of a Dockerfile is a copy
of a debootstrap, and its commands are run in there, word for word.

    image.py DOCKERFILE CONTEXT BASE OUT

leaves the root of the last stage in OUT, and prints what it would be started
with (STOPSIGNAL, CMD, EXPOSE) as JSON.  It knows the instructions that our
Dockerfile has, and stops at any other.
"""

import glob
import json
import os
import shutil
import subprocess
import sys


def instructions(text):
    """[(NAME, REST)], with continued lines joined and comments left out."""
    lines, joined = [], ''
    for line in text.splitlines():
        if line.lstrip().startswith('#'):
            continue
        if line.endswith('\\'):
            joined += line[:-1] + ' '
            continue
        line, joined = joined + line, ''
        if line.strip():
            name, rest = line.strip().split(None, 1)
            lines.append((name.upper(), rest))
    return lines


def chroot(root, *cmd):
    env = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
           'HOME': '/root'}
    subprocess.run(['chroot', root, *cmd], check=True, env=env,
                   stdin=subprocess.DEVNULL, stdout=sys.stderr)


def copy(context, stages, root, rest):
    words = rest.split()
    source = context
    if words[0].startswith('--from='):
        source = stages[words.pop(0)[7:]]
    *what, to = words
    for pattern in what:
        found = glob.glob(os.path.join(source, pattern.lstrip('/')))
        if not found:
            sys.exit(f'COPY {rest}: there is no {pattern}')
        for path in found:
            target = root + to
            if os.path.isdir(path):
                shutil.copytree(path, target, symlinks=True, dirs_exist_ok=True,
                                ignore=ignored(path))
            else:
                if to.endswith('/'):
                    target += os.path.basename(path)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy2(path, target)


def ignored(top):
    """What Dockerfile.dockerignore keeps out, of its forms those that we use."""
    drop = {os.path.join(top, p) for p in ('.git', 'build', 'bench/results')}

    def ignore(folder, names):
        return {n for n in names
                if n == 'node_modules' or os.path.join(folder, n) in drop}
    return ignore


def main(dockerfile, context, base, out):
    with open(dockerfile, encoding='utf-8') as f:
        todo = instructions(f.read())
    stages, says, root = {}, {}, None

    for name, rest in todo:
        if name == 'FROM':
            image, *as_name = rest.split(' AS ')
            if not image.startswith('debian:bookworm'):
                sys.exit(f'FROM {image}: this has bookworm only')
            last = not as_name
            root = out if last else f'{out}.{as_name[0]}'
            stages[as_name[0] if as_name else ''] = root
            shutil.rmtree(root, ignore_errors=True)
            subprocess.run(['cp', '-a', base, root], check=True)
        elif name == 'RUN':
            chroot(root, '/bin/sh', '-c', rest)
        elif name == 'COPY':
            copy(context, stages, root, rest)
        elif name in ('EXPOSE', 'STOPSIGNAL'):
            says[name] = rest
        elif name == 'CMD':
            says[name] = json.loads(rest)
        elif name == 'HEALTHCHECK':
            says[name] = json.loads(rest.split('CMD', 1)[1])
        else:
            sys.exit(f'{name}: what is that?')

    print(json.dumps(says))


if __name__ == '__main__':
    main(*sys.argv[1:])

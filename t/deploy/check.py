"""The YAML of docs/deploy: of the schema of Compose (that of Kubernetes has a
program of its own), and right in what schemas can't know.

    check.py FOLDER
"""

import json
import os
import re
import sys

import compose_spec
import yaml


def read(*path):
    with open(os.path.join(*path), encoding='utf-8') as f:
        return f.read()


def refused(conf):
    try:
        compose_spec.PyCompose.from_json(json.dumps(conf)).validate()
    except ValueError as e:
        return str(e)
    return ''


def compose(folder, drain):
    # "<<" is resolved by the reader, as Compose does
    conf = yaml.safe_load(read(folder, 'compose.yaml'))
    assert not refused(conf), refused(conf)
    assert refused({**conf, 'services': {'x': {'imagine': 'y'}}}), \
        'the schema takes anything'

    for name, s in conf['services'].items():
        for v in s.get('volumes', []):
            source = v.split(':')[0]
            if source.startswith('.'):
                assert os.path.exists(os.path.join(folder, source)), v
            else:
                assert source in conf['volumes'], v
        for other in s.get('depends_on', []):
            assert other in conf['services'], other
        if 'build' in s:
            b = s['build']
            assert os.path.exists(os.path.join(folder, b['context'],
                                               b['dockerfile'])), b
            assert int(s['stop_grace_period'].rstrip('s')) > drain + 5, name


def bare(text):
    """Directives without comments, white space, and whom a proxy is."""
    text = re.sub(r'#.*', '', text)
    return re.sub(r'set_real_ip_from\s+\S+;', '', text).split()


def kubernetes(folder, chat, drain):
    docs = {(d['kind'], d['metadata']['name']): d
            for d in yaml.safe_load_all(read(folder, 'kubernetes.yaml'))}

    assert bare(docs['ConfigMap', 'chat']['data']['chat.conf']) == bare(chat), \
        'the ConfigMap is not chat.conf'

    spec = docs['Deployment', 'chat']['spec']['template']['spec']
    nginx = spec['containers'][0]
    ports = {p['name']: p['containerPort'] for p in nginx['ports']}
    pause = int(nginx['lifecycle']['preStop']['exec']['command'][1])

    assert spec['terminationGracePeriodSeconds'] > pause + drain + 5
    assert re.search(rf'listen\s+{ports["status"]};', chat)
    for probe, path in (('readinessProbe', '/chat-status?check=ready'),
                        ('livenessProbe', '/chat-status?check=live')):
        assert nginx[probe]['httpGet'] == {'path': path, 'port': 'status'}
    for name, kind in (('chat', 'Deployment'), ('redis', 'StatefulSet')):
        labels = docs[kind, name]['spec']['template']['metadata']['labels']
        selector = docs['Service', name]['spec']['selector']
        assert selector.items() <= labels.items(), name


def main(folder):
    chat = read(folder, 'chat.conf')
    drain = int(re.search(r'chat_drain\s+(\d+)s;', chat).group(1))
    compose(folder, drain)
    kubernetes(folder, chat, drain)


if __name__ == '__main__':
    main(*sys.argv[1:])

"""Tokens and keys of all algorithms, made by PyJWT: mint.py DIRECTORY

ALG.key is the secret or the public key in PEM, jwks.json all public keys with
the algorithm as kid, tokens.json has a token of each algorithm by its name,
with that kid, and some that nobody should accept.
"""

import base64
import hashlib
import hmac
import json
import sys
import time

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

where = sys.argv[1]
now = int(time.time())

claims = {
    'iss': 'https://login.example/', 'aud': ['other', 'chat'], 'sub': 'ann',
    'name': 'Ann', 'iat': now, 'exp': now + 3600,
}


def save(name, data):
    with open(f'{where}/{name}', 'wb') as file:
        file.write(data)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def number(n, size=None):
    return b64(n.to_bytes(size or (n.bit_length() + 7) // 8, 'big'))


def pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo)


def jwk(alg, key):
    if alg == 'EdDSA':
        raw = key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {'kty': 'OKP', 'crv': 'Ed25519', 'x': b64(raw)}

    public = key.public_key().public_numbers()

    if alg[0] == 'E':
        size = (key.curve.key_size + 7) // 8
        return {'kty': 'EC', 'crv': f'P-{key.curve.key_size}',
                'x': number(public.x, size), 'y': number(public.y, size)}

    return {'kty': 'RSA', 'n': number(public.n), 'e': number(public.e)}


secret = b'the secret of these tests has as many bytes as HS512 wants to see.'
rsa_key = rsa.generate_private_key(65537, 2048)

keys = {alg: secret for alg in ('HS256', 'HS384', 'HS512')}
keys |= {a + n: rsa_key for a in ('RS', 'PS') for n in ('256', '384', '512')}
keys |= {
    'ES256': ec.generate_private_key(ec.SECP256R1()),
    'ES384': ec.generate_private_key(ec.SECP384R1()),
    'ES512': ec.generate_private_key(ec.SECP521R1()),
    'EdDSA': ed25519.Ed25519PrivateKey.generate(),
}

tokens = {}
public = []

for alg, key in keys.items():
    tokens[alg] = jwt.encode(claims, key, algorithm=alg, headers={'kid': alg})

    if key is secret:
        save(f'{alg}.key', secret + b'\n')
        continue

    save(f'{alg}.key', pem(key))
    public.append({**jwk(alg, key), 'kid': alg, 'use': 'sig', 'alg': alg})

save('jwks.json', json.dumps({'keys': public}).encode())
save('weak.key', pem(rsa.generate_private_key(65537, 1024)))

# another key of the same name, for the day on which keys change

new = ec.generate_private_key(ec.SECP256R1())
tokens['new'] = jwt.encode(claims, new, 'ES256', headers={'kid': 'new'})
save('new.json', json.dumps({'keys': [{**jwk('ES256', new), 'kid': 'new'}]})
     .encode())

# attacks: no signature, and the public key taken for a secret

tokens['none'] = jwt.encode(claims, None, 'none')

signed = '.'.join(b64(json.dumps(part).encode())
                  for part in ({'alg': 'HS256', 'kid': 'RS256'}, claims))
tokens['confused'] = signed + '.' + b64(
    hmac.new(pem(rsa_key), signed.encode(), hashlib.sha256).digest())

save('tokens.json', json.dumps(tokens).encode())

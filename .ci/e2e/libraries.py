"""Uses a running server as an API's owner and as a client do, with libraries that know nothing of it.

    REQUESTS_CA_BUNDLE=ca.pem SSL_CERT_FILE=ca.pem python3 libraries.py ISSUER CLIENT_ID CLIENT_SECRET

The server has an API https://api.example.com/PROFILE/ALG for each profile and algorithm below. One line of JSON is
printed for everything that is tried: {"library", "api", "outcome"}, where the outcome is "ok" or says why not.
"""
import json
import sys

import jwt
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.jose import JsonWebKey, JsonWebToken
from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

ISSUER, CLIENT_ID, CLIENT_SECRET = sys.argv[1:]
APIS = [f"{profile}/{alg.lower()}" for profile in ("auth0", "rfc9068") for alg in ("RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA")]
ALGORITHMS = {"rs256": "RS256", "ps256": "PS256", "es256": "ES256", "es384": "ES384", "es512": "ES512", "eddsa": "EdDSA"}
METADATA = requests.get(ISSUER + ".well-known/oauth-authorization-server").json()


def attempt(library, api, f):
    outcome = "ok"
    try:
        f()
    except Exception as e:
        outcome = f"{type(e).__name__}: {e}".splitlines()[0]
    print(json.dumps({"library": library, "api": api, "outcome": outcome}))


def audience_of(api):
    return "https://api.example.com/" + api


def algorithm_of(api):
    return ALGORITHMS[api.split("/")[1]]


def check(token):
    assert token["scope"] == ["read:things"] or token["scope"] == "read:things", token["scope"]
    assert token["token_type"] == "Bearer" and token["expires_in"] == 600, token
    return token["access_token"]


def authlib_client(method, api):
    with AuthlibSession(CLIENT_ID, CLIENT_SECRET, token_endpoint_auth_method=method, scope="read:things") as session:
        return check(session.fetch_token(METADATA["token_endpoint"], grant_type="client_credentials", audience=audience_of(api)))


def requests_oauthlib_client(in_body, api):
    client = BackendApplicationClient(client_id=CLIENT_ID, scope=["read:things"])
    how = {"client_secret": CLIENT_SECRET, "include_client_id": True} if in_body else {"auth": HTTPBasicAuth(CLIENT_ID, CLIENT_SECRET)}
    with OAuth2Session(client=client) as session:
        return check(session.fetch_token(METADATA["token_endpoint"], audience=audience_of(api), **how))


def pyjwt(token, audience, algorithm):
    key = jwt.PyJWKClient(METADATA["jwks_uri"]).get_signing_key_from_jwt(token)
    return jwt.decode(token, key.key, algorithms=[algorithm], audience=audience, issuer=ISSUER,
                      options={"require": ["exp", "iat", "iss", "aud", "sub"]})


def authlib_verifier(token, audience, algorithm):
    keys = JsonWebKey.import_key_set(requests.get(METADATA["jwks_uri"]).json())
    claims = JsonWebToken([algorithm]).decode(token, keys, claims_options={
        "iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": audience},
        "exp": {"essential": True}, "sub": {"essential": True, "value": CLIENT_ID + "@clients"},
    })
    claims.validate()
    return claims


def refused(f, *args):
    try:
        f(*args)
    except Exception:
        return
    raise AssertionError("accepted")


for api in APIS:
    token = requests_oauthlib_client(False, api)
    attempt("authlib client_secret_basic", api, lambda: authlib_client("client_secret_basic", api))
    attempt("authlib client_secret_post", api, lambda: authlib_client("client_secret_post", api))
    attempt("requests-oauthlib basic", api, lambda: requests_oauthlib_client(False, api))
    attempt("requests-oauthlib body", api, lambda: requests_oauthlib_client(True, api))
    for name, verify in (("pyjwt", pyjwt), ("authlib verifier", authlib_verifier)):
        attempt(name, api, lambda: verify(token, audience_of(api), algorithm_of(api)))
        attempt(name + " another audience", api, lambda: refused(verify, token, audience_of(api) + "/", algorithm_of(api)))

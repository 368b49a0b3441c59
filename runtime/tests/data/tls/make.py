"""Makes the certificates that tests/tls.rs serves.

Run `python3 make.py` in this folder, with the package cryptography (46.0.3 made these). What it
makes is committed, so that the tests need neither. The key protects nothing.
"""

from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PAST, PRESENT, FUTURE = datetime(2020, 1, 1), datetime(2021, 1, 1), datetime(2099, 12, 31)


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def certificate(subject, key, issuer, issuer_key, first, last, extension):
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    )
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def main():
    is_authority = x509.BasicConstraints(ca=True, path_length=None)
    authorities = {name: new_key() for name in ("trusted", "unknown")}
    for name, key in authorities.items():
        made = certificate(name, key, name, key, PAST, FUTURE, is_authority)
        if name == "trusted":
            Path(f"{name}.der").write_bytes(made)
    key = new_key()
    pkcs8 = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    Path("server.key").write_bytes(key.private_bytes(*pkcs8))
    for name, authority, host, first, last in (
        ("good", "trusted", "localhost", PAST, FUTURE),
        ("expired", "trusted", "localhost", PAST, PRESENT),
        ("wrong-name", "trusted", "other.example", PAST, FUTURE),
        ("unknown-issuer", "unknown", "localhost", PAST, FUTURE),
    ):
        host = x509.SubjectAlternativeName([x509.DNSName(host)])
        issued = certificate(name, key, authority, authorities[authority], first, last, host)
        Path(f"{name}.der").write_bytes(issued)


main()

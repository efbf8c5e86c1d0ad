"""Clients of an API whose certificates change.

    api_certificates.py FOLDER

Makes certificates in FOLDER (cert.pem, key.pem, ca.pem: the API's, and who may vouch for its clients), prints `ready`, waits until
FOLDER/address has the API's address, and asks without a pause while it changes the files. Ends with 1 when a request is lost that should not
be, or answered that should not be.
"""

import datetime
import http.client
import os
import ssl
import sys
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
import ipaddress

folder = sys.argv[1]
fine = []


def check(name, good, told=""):
    print(f"{'ok ' if good else 'BAD'} {name}" + ("" if good else f" {told!r}"), flush=True)
    fine.append(good)


# MARK: certificates


def make(name, issuer=None):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer[0].subject if issuer else subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=2))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
    )
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def pem(*made):
    return b"".join(one[0].public_bytes(serialization.Encoding.PEM) for one in made)


def key_pem(made):
    return made[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def put(name, data):
    with open(f"{folder}/{name}.new", "wb") as file:
        file.write(data)
    os.rename(f"{folder}/{name}.new", f"{folder}/{name}")


root, clients, others = make("root"), make("clients"), make("other clients")
put("root.pem", pem(root))


def trust(issuer=None):
    context = ssl.create_default_context(cafile=f"{folder}/root.pem")
    if issuer:
        made = make("client", issuer)
        put("client.pem", pem(made) + key_pem(made))
        context.load_cert_chain(f"{folder}/client.pem")
    return context


# MARK: load


class Client(threading.Thread):
    """Asks until it is stopped, by one connection or by a new one each time; notes what is lost and whom it has seen."""

    def __init__(self, context, stays):
        super().__init__(daemon=True)
        self.context, self.stays, self.stopped = context, stays, False
        self.answers, self.lost, self.serials = 0, [], []
        self.start()

    def run(self):
        connection = None
        while not self.stopped:
            try:
                if connection is None:
                    connection = http.client.HTTPSConnection(*address, timeout=20, context=self.context)
                    connection.connect()
                    serial = int(connection.sock.getpeercert()["serialNumber"], 16)
                    if serial not in self.serials:
                        self.serials.append(serial)
                connection.request("POST", "/v1.0/state/statestore", b'[{"key":"a","value":1}]')
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 204, answer.status
                self.answers += 1
                if self.stays:
                    continue
            except Exception as error:
                self.lost.append(f"{type(error).__name__}: {error}")
                time.sleep(0.01)
            connection.close()
            connection = None

    def stop(self):
        self.stopped = True
        self.join(30)


def until(condition, patience=30):
    deadline = time.monotonic() + patience
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def seen(context):
    """The serial that a new connection is shown."""
    connection = http.client.HTTPSConnection(*address, timeout=20, context=context)
    try:
        connection.connect()
        return int(connection.sock.getpeercert()["serialNumber"], 16)
    finally:
        connection.close()


def change(context, by=None):
    """Another certificate, whose parts are put in place one behind the other; true when it is shown."""
    made = make("api", root)
    put("cert.pem", pem(made))
    if by:
        by()
    put("key.pem", key_pem(made))
    return until(lambda: seen(context) == made[0].serial_number)


first = make("api", root)
put("cert.pem", pem(first))
put("key.pem", key_pem(first))
put("ca.pem", pem(clients))
own, foreign = trust(clients), trust(others)
print("ready", flush=True)
assert until(lambda: os.path.exists(f"{folder}/address") and open(f"{folder}/address").read().endswith("\n"))
host, _, port = open(f"{folder}/address").read().strip().rpartition(":")
address = (host, int(port))

load = [Client(own, stays=index % 2 == 0) for index in range(6)]
assert until(lambda: all(client.answers > 5 for client in load)), [client.lost[:3] for client in load]
check("the first certificate is shown", seen(own) == first[0].serial_number)
for number in range(4):
    # The second time the key is long in coming.
    check(f"change {number}", change(own, (lambda: time.sleep(2.5)) if number == 1 else None))
put("ca.pem", pem(clients, others))
late = None
def comes():
    global late
    late = Client(foreign, stays=True)
    done = until(lambda: late.answers > 0 or late.lost)
    if late.answers == 0:
        late.stop()
    return late.answers > 0
check("clients of another authority may come once it is named", until(comes))
before = [client.answers for client in load]
check("and the others go on", until(lambda: all(client.answers > count + 20 for client, count in zip(load, before))))
for client in load:
    check(f"no request is lost by {'one connection' if client.stays else 'many connections'}", not client.lost, client.lost[:5])
    if client.stays:
        check("and the connection is one", client.serials == [first[0].serial_number], client.serials)
lost = len(late.lost)
put("ca.pem", pem(others))
check("clients that are trusted no more are cut off", until(lambda: all(client.lost for client in load)))
answers = [client.answers for client in load]
check("the others are not", until(lambda: late.answers > 200) and len(late.lost) == lost, late.lost[:5])
check("and the cut ones stay out", [client.answers for client in load] == answers)
total = sum(client.answers for client in load)
for client in load + [late]:
    client.stop()
print(f"{total} requests", flush=True)
sys.exit(0 if all(fine) else 1)

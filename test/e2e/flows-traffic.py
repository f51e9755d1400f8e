"""Real FTP sessions and other traffic for flows.test.ts, inside a network namespace. Prints what each data connection was, as JSON lines.

Argument: a folder with "file" in it. Servers are vsftpd (started by the test) and pyftpdlib (started here).
"""

import ftplib
import json
import logging
import os
import socket
import ssl
import sys
import threading

from OpenSSL import crypto
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

FOLDER = sys.argv[1]
V4, V6 = "192.0.2.1", "2001:db8::1"
CLIENT4, CLIENT6 = "192.0.2.77", "2001:db8::77"
NAT = "203.0.113.9"
logging.disable(logging.CRITICAL)


def serve(address, handler):
    server = FTPServer(address, handler, ioloop=IOLoop())
    threading.Thread(target=server.serve_forever, daemon=True).start()


def handler_of(base, **settings):
    authorizer = DummyAuthorizer()
    authorizer.add_anonymous(FOLDER)
    return type("Handler", (base,), {"authorizer": authorizer, "permit_foreign_addresses": True, **settings})


def tell(kind, sock, **more):
    print(json.dumps({"kind": kind, "ends": [sock.getsockname()[:2], sock.getpeername()[:2]], **more}), flush=True)


def connect(address, port):
    ftp = ftplib.FTP()
    ftp.connect(address, port, timeout=20, source_address=(CLIENT6 if ":" in address else CLIENT4, 0))
    ftp.login()
    return ftp


def fetch(ftp, how, sock=None, **more):
    """Reads to the end over a data connection that is there, or to be made by the library."""
    data = sock if sock is not None else ftp.ntransfercmd("RETR file")
    if isinstance(data, tuple):
        data = data[0]
    tell("data", data, how=how, **more)
    while data.recv(8192):
        pass
    data.close()
    ftp.voidresp()


def passive(address, port, how):
    ftp = connect(address, port)
    # The library asks for EPSV when it takes the connection to be IPv6.
    ftp.af = socket.AF_INET6 if how == "EPSV" else socket.AF_INET
    for _ in range(2):
        fetch(ftp, how)
    ftp.quit()


def active(address, port, how):
    ftp = connect(address, port)
    host = ftp.sock.getsockname()[0]
    for _ in range(2):
        with socket.create_server((host, 0), family=ftp.sock.family) as server:
            number = server.getsockname()[1]
            if how == "PORT":
                ftp.sendport(host, number)
            else:
                ftp.sendcmd(f"EPRT |{2 if ':' in host else 1}|{host}|{number}|")
            ftp.sendcmd("RETR file")
            sock, _ = server.accept()
            fetch(ftp, how, sock)
    ftp.quit()


def encrypted(port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    ftp = ftplib.FTP_TLS(context=context)
    ftp.connect(V4, port, timeout=20, source_address=(CLIENT4, 0))
    ftp.login()
    ftp.prot_p()
    data, _ = ftp.ntransfercmd("RETR file")
    tell("encrypted", data)
    while data.recv(8192):
        pass
    data.close()
    ftp.voidresp()
    ftp.quit()


def shell(address, port):
    """A reverse shell: the victim connects out and is given orders."""
    with socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET) as server:
        victim = socket.create_connection((address, port))
        attacker, _ = server.accept()
        tell("other", victim)
        for order in (b"220 id\n", b"227 Entering Passive Mode (192,0,2,1,200,1).\n", b"uname -a\n"):
            attacker.sendall(order)
            victim.recv(100)
            victim.sendall(b"PASV\r\nuid=0(root)\n")
            attacker.recv(100)
        victim.close()
        attacker.close()


def bounce(port):
    """PORT to a third host, which the server is set up to allow; and the connection that it makes."""
    third = socket.create_server((NAT, 0))
    number = third.getsockname()[1]
    ftp = connect(V4, port)
    ftp.sendport(NAT, number)
    ftp.sendcmd("RETR file")
    sock, _ = third.accept()
    tell("other", sock)
    while sock.recv(8192):
        pass
    sock.close()
    ftp.voidresp()
    ftp.quit()


def datagrams():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two:
        one.bind((V4, 40_001))
        two.bind((CLIENT4, 40_002))
        one.connect((CLIENT4, 40_002))
        two.connect((V4, 40_001))
        tell("other", one)
        for _ in range(5):
            one.send(b"ping")
            two.recv(100)
            two.send(b"pong")
            one.recv(100)


def certificate():
    key, cert = crypto.PKey(), crypto.X509()
    key.generate_key(crypto.TYPE_RSA, 2048)
    cert.get_subject().CN = "ftp.example"
    cert.set_issuer(cert.get_subject())
    cert.set_pubkey(key)
    cert.gmtime_adj_notBefore(0)
    cert.gmtime_adj_notAfter(3600)
    cert.sign(key, "sha256")
    path = os.path.join(FOLDER, "cert.pem")
    with open(path, "wb") as file:
        file.write(crypto.dump_privatekey(crypto.FILETYPE_PEM, key) + crypto.dump_certificate(crypto.FILETYPE_PEM, cert))
    return path


serve((V4, 8021), handler_of(FTPHandler))
serve((V6, 8021), handler_of(FTPHandler))
serve((V4, 8022), handler_of(FTPHandler, masquerade_address=NAT))
serve((V4, 8023), handler_of(TLS_FTPHandler, certfile=certificate(), tls_control_required=True))
for server, port in ((V4, 21), (V4, 2121), (V4, 8021), (V6, 21), (V6, 8021)):
    for form in ("EPSV",) if ":" in server else ("PASV", "EPSV"):
        passive(server, port, form)
    for form in ("EPRT",) if ":" in server else ("PORT", "EPRT"):
        active(server, port, form)
passive(V4, 8022, "PASV")
passive(V4, 2122, "PASV")
shell(V4, 4444)
shell(V6, 31337)
encrypted(8023)
bounce(8021)
datagrams()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
    end.sendto(b"the-end-of-the-traffic", (V4, 9))

"""See whether a service is ready, by asking it as a client would."""

from __future__ import annotations

import http.client
import socket
import struct
from pathlib import Path

from .ports import HOST
from .services import Service

TIMEOUT = 1.0
ALIVE_SECONDS = 2.0
PROTOCOL_3_0 = 196608


def is_ready(service: Service, *, age: float, log: Path, log_offset: int) -> bool:
    """Return whether a service that started `age` seconds ago is ready."""
    try:
        match service.ready:
            case "postgres":
                return _postgres(service.port)
            case "redis":
                return _redis(service.port, service.password)
            case "http":
                return _http(service.port, service.ready_detail)
            case "file":  # written by the service when all of it is ready
                return Path(service.ready_detail).exists()
            case "line":  # printed by the service when it is ready
                return _line(log, log_offset, service.ready_detail)
            case _:
                return age >= ALIVE_SECONDS
    except OSError:
        return False


def _postgres(port: int) -> bool:
    """Ask for a connection; a server that asks for a password is ready, one that is recovering sends an error.

    https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-START-UP
    """
    parameters = b"user\0slipway\0database\0slipway\0\0"
    with socket.create_connection((HOST, port), timeout=TIMEOUT) as connection:
        connection.sendall(struct.pack("!ii", len(parameters) + 8, PROTOCOL_3_0) + parameters)
        return connection.recv(1) == b"R"


def _redis(port: int, password: str) -> bool:
    """Log in and ping; a server that still loads its file answers an error."""
    with socket.create_connection((HOST, port), timeout=TIMEOUT) as connection:
        connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        answer = b""
        while answer.count(b"\r\n") < 2:
            part = connection.recv(256)
            if not part:
                return False
            answer += part
    return answer == b"+OK\r\n+PONG\r\n"


def _http(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5 * TIMEOUT)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except http.client.HTTPException:
        return False
    finally:
        connection.close()


def _line(log: Path, offset: int, wanted: str) -> bool:
    with log.open("rb") as file:
        file.seek(offset)
        return wanted.encode() in file.read()

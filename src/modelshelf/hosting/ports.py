"""The port that a server is to listen on, tried before its workers share it."""

import socket

from modelshelf.domain.errors import Unavailable


def free_port(host: str, port: int) -> int:
    """The port, or any where it is 0. Raises Unavailable where it is taken: the workers would share it with others."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Unavailable(
                f"cannot listen on {host} port {port}: {error.strerror}; choose another with --port",
                host=host,
                port=port,
            ) from error
        return int(probe.getsockname()[1])

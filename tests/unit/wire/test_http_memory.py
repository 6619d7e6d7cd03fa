"""What connections leave behind."""

from __future__ import annotations

import asyncio
import gc
from weakref import WeakSet

from filter_engine.wire.http.message import HttpLimits, Request, Response
from filter_engine.wire.http.server import HttpConnection, HttpServer


async def echo(request: Request) -> Response:
    return Response(request.path.encode(), content_type="text/plain")


def test_a_closed_connection_is_free_without_the_garbage_collector() -> None:
    async def main() -> None:
        server = HttpServer(echo, HttpLimits(max_body=1000))
        connections = WeakSet[HttpConnection]()

        def accepted() -> HttpConnection:
            connection = server.connection()
            connections.add(connection)
            return connection

        listener = await asyncio.get_running_loop().create_server(accepted, "127.0.0.1", 0)
        async with listener:
            port = listener.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).endswith(b"/x")
            writer.close()
            async with asyncio.timeout(60):
                while connections:  # noqa: ASYNC110  # nothing tells of the end of an object
                    await asyncio.sleep(0.01)

    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()

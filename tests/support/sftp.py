"""An SFTP server on loopback, for one key: sftp.py FOLDER HOST_KEY AUTHORIZED_KEYS PORT. It says its port."""

import asyncio
import sys

import asyncssh

folder, host_key, authorized, port = sys.argv[1:5]


class Files(asyncssh.SFTPServer):
    def __init__(self, channel):
        super().__init__(channel, chroot=folder)

    def exit(self):
        # As OpenSSH's: restic takes a session without an exit status for one that was cut off.
        self.channel.exit(0)


async def main():
    server = await asyncssh.listen(
        "127.0.0.1",
        int(port),
        reuse_address=True,
        server_host_keys=[host_key],
        authorized_client_keys=authorized,
        sftp_factory=Files,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.wait_closed()


asyncio.run(main())

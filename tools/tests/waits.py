# SPDX-License-Identifier: GPL-2.0
"""A kernel without one of the waits for its GIC, made by overwriting the wait in
the image of one that has it."""

import re
import struct

NOP = 0xD503201F
GSB_ACK = 0xD508C03F


class Image:
    """A kernel's image, and where its functions are."""

    def __init__(self, build):
        self._image = bytearray((build / "arch/arm64/boot/Image").read_bytes())
        symbols = re.findall(r"^([0-9a-f]+) [tT] (\S+)$", (build / "System.map").read_text(), re.M)
        at = {name: int(address, 16) for address, name in symbols}
        self._starts = {name: address - at["_text"] for name, address in at.items()}

    def write(self, path):
        """The image as a file."""
        path.write_bytes(self._image)

    def without(self, function, word):
        """The first `word` of a function is a NOP."""
        start = self._starts[function]
        end = min(at for at in self._starts.values() if at > start)
        words = struct.unpack_from(f"<{(end - start) // 4}I", self._image, start)
        struct.pack_into("<I", self._image, start + 4 * words.index(word), NOP)


WAITS = {
    "GSB ACK after GICR CDIA": lambda image: image.without("gicv5_handle_irq", GSB_ACK),
}
"""What is left out, and how."""

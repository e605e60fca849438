#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh QEMU: the boot code, at EL3, in QEMU's virt machine, where it has no
# GICv5 and the motherboard's registers are memory. Prints the TAP of psci.S,
# and a line for the case of no GICv5. Runs in the toolchain.

set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
qemu=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Memory, the machine's UART, memory. (What QEMU loads goes to Non-secure addresses.)
# shellcheck disable=SC2054 # the commas are the preprocessor's
defines=(-DBOOT_BASE=0x42001000 -DUART0_BASE=0x09000000 -DSYSREGS_BASE=0x41000000 -DCPU_MPIDRS=0,1,2)
image=$(printf '#include "layout.h"\nIMAGE_BASE\n' | aarch64-linux-gnu-cpp -P -I "$here/.." - | tail -n1)

"$here/../build.sh" "$work/boot" "${defines[@]}" -DGIC_IS_OPTIONAL
"$here/../build.sh" "$work/boot-gic" "${defines[@]}"
aarch64-linux-gnu-gcc -nostdlib -static -Wl,-Ttext="$image" -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--omagic -Wl,--no-warn-rwx-segments \
	"${defines[@]}" -o "$work/payload.elf" "$here/psci.S"
aarch64-linux-gnu-objcopy -O binary "$work/payload.elf" "$work/payload"

# machine_of FILE CONSOLE: `machine`, the words that boot FILE. That there is a
# -bios has QEMU leave PSCI to us.
machine_of() {
	machine=(timeout 300 "$qemu" -M "virt,secure=on,virtualization=on,gic-version=3" -cpu max -smp 3 -m 2G
		-nodefaults -display none -serial "file:$2" -semihosting-config "enable=on,target=native"
		-bios "$1" -device "loader,file=$work/payload,addr=$image,force-raw=on"
		-device "loader,file=$1,addr=0x42001000,force-raw=on,cpu-num=0"
		-device "loader,addr=0x42001000,cpu-num=1" -device "loader,addr=0x42001000,cpu-num=2")
}

status=0
machine_of "$work/boot" "$work/console"
"${machine[@]}" </dev/null 2>"$work/stderr" || status=$?
tr -d '\r' <"$work/console"
[ $status -eq 0 ] || echo "# QEMU ended with status $status: $(head -n1 "$work/stderr")"

# It says so and stops; QEMU does not. What must not come are the payload's lines,
# of which it has printed none at that time. The console is a file of its own:
# the lines of the boot before must not be taken for this one's.
console=$work/console-gic
: >"$console"
machine_of "$work/boot-gic" "$console"
"${machine[@]}" </dev/null 2>"$work/stderr" &
while jobs -r %1 >/dev/null && ! grep -q '^ok\|no GICv5' "$console"; do
	sleep 0.1
done
kill %1 2>/dev/null || true
wait %1 || true
if grep -q 'no GICv5' "$console" && ! grep -q '^ok' "$console"; then
	echo "ok 99 - a machine without GICv5 is told of and not entered"
else
	echo "not ok 99 - a machine without GICv5 is told of and not entered"
fi

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
machine=(-DBOOT_BASE=0x42001000 -DUART0_BASE=0x09000000 -DSYSREGS_BASE=0x41000000 -DCPU_MPIDRS=0,1,2)
image=$(printf '#include "layout.h"\nIMAGE_BASE\n' | aarch64-linux-gnu-cpp -P -I "$here/.." - | tail -n1)

"$here/../build.sh" "$work/boot" "${machine[@]}" -DGIC_IS_OPTIONAL
"$here/../build.sh" "$work/boot-gic" "${machine[@]}"
aarch64-linux-gnu-gcc -nostdlib -static -Wl,-Ttext="$image" -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--omagic -Wl,--no-warn-rwx-segments \
	"${machine[@]}" -o "$work/payload.elf" "$here/psci.S"
aarch64-linux-gnu-objcopy -O binary "$work/payload.elf" "$work/payload"

# boot FILE SECONDS. That there is a -bios has QEMU leave PSCI to us.
boot() {
	: >"$work/console"
	timeout "$2" "$qemu" -M virt,secure=on,virtualization=on,gic-version=3 -cpu max -smp 3 -m 2G \
		-nodefaults -display none -serial "file:$work/console" -semihosting-config enable=on,target=native \
		-bios "$1" -device "loader,file=$work/payload,addr=$image,force-raw=on" \
		-device "loader,file=$1,addr=0x42001000,force-raw=on,cpu-num=0" \
		-device loader,addr=0x42001000,cpu-num=1 -device loader,addr=0x42001000,cpu-num=2 </dev/null 2>"$work/stderr"
}

status=0
boot "$work/boot" 300 || status=$?
tr -d '\r' <"$work/console"
[ $status -eq 0 ] || echo "# QEMU ended with status $status: $(head -n1 "$work/stderr")"

# It says so and stops; QEMU does not. What must not come are the payload's lines,
# of which it has printed none at that time.
boot "$work/boot-gic" 300 &
while jobs -r %1 >/dev/null && ! grep -q '^ok\|no GICv5' "$work/console"; do
	sleep 0.1
done
kill %1 2>/dev/null || true
wait %1 || true
if grep -q 'no GICv5' "$work/console" && ! grep -q '^ok' "$work/console"; then
	echo "ok 99 - a machine without GICv5 is told of and not entered"
else
	echo "not ok 99 - a machine without GICv5 is told of and not entered"
fi

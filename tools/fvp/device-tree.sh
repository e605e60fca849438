#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# device-tree.sh OUTPUT CPUS INITRD BOOTARGS: the device tree for as many CPUs,
# an initrd of INITRD's size, and that command line. Runs in the toolchain. dtc's
# warnings are errors.

set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
output=$1 cpus=$2 initrd=$3 bootargs=$4

case $bootargs in *[\"\\]*)
	echo "device-tree.sh: the command line has a \" or \\ in it" >&2
	exit 1
	;;
esac
base=$(printf '#include "layout.h"\nINITRD_BASE\n' | aarch64-linux-gnu-cpp -P -I "$here" - | tail -n1)
end=$(printf '0x%x' $((base + $(stat -c %s "$initrd"))))
aarch64-linux-gnu-cpp -P -x assembler-with-cpp -undef -nostdinc -I "$here" \
	-DCPUS="$cpus" -DINITRD_END="$end" -DBOOTARGS="\"$bootargs\"" "$here/fvp-base-gicv5.dts" |
	dtc -I dts -O dtb -o "$output" - 2>"$output.warnings" || {
	cat "$output.warnings" >&2
	exit 1
}
if [ -s "$output.warnings" ]; then
	cat "$output.warnings" >&2
	exit 1
fi
rm "$output.warnings"

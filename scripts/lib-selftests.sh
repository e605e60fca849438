# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Running tools/selftests on a booted host, on one backend or on both. Source
# it after lib.sh.

# selftests_in_host BACKENDS PROGRAMS RUN_HOST_OPTION...: boot once, run each
# program on each backend, and print the programs' TAP as one, "BACKEND
# PROGRAM:" before each test's name. Each program that came to its end is a
# test as well, so that one that dies early is seen.
#
# BACKENDS: "c", "rust" or "c rust". The Rust one is loaded when it is wanted.
# Exits non-zero if a test failed, or if the boot did.
selftests_in_host() {
	local backends=$1 programs=$2 status=0
	shift 2
	local script="
cd /selftests || exit 1
for backend in $backends; do
	knob=/sys/module/kvm/parameters/vgic_v5_backend
	if [ \$backend = rust ] && ! [ -d /sys/module/kvm_arm_vgic_v5 ]; then
		insmod /lib/modules/kvm_arm_vgic_v5.ko || exit 1
	fi
	if [ -e \$knob ]; then
		echo \$backend >\$knob || exit 1
	fi
	for program in $programs; do
		echo \"## begin \$backend \$program\"
		./\$program
		echo \"## end \$?\"
	done
done
echo '## done'"
	"$TOP/scripts/run-host" --overlay "$BUILD/selftests" "$@" -- "$script" |
		selftests_tap "$TOP/tools/selftests/differences" || status=$?
	return $status
}

# selftests_tap DIFFERENCES: the programs' own TAP on stdin, one TAP on stdout.
# A test that tools/selftests/differences says the C backend fails has to fail
# there (or be skipped), and is "ok" then.
selftests_tap() {
	awk -v differences="$1" '
	BEGIN {
		while ((getline line <differences) > 0)
			if (line !~ /^#/ && split(line, f, / *\| */) == 3) {
				program[++known] = f[1]
				words[known] = f[2]
				reason[known] = f[3]
			}
	}
	function verdict(good, what) {
		printf "%s %d - %s\n", good ? "ok" : "not ok", ++n, what
		bad += !good
	}
	# The line of the file that speaks of this test, or 0.
	function difference(name,  i) {
		if (backend == "c")
			for (i = 1; i <= known; i++)
				if (program[i] == me && (words[i] == "*" || index(name, words[i])))
					return i
		return 0
	}
	/^## begin/ { backend = $3; me = $4; excused = 0; next }
	/^## end/ {
		# 4: everything was skipped. 1: a test failed, and was told of.
		verdict($3 == 0 || $3 == 4 || ($3 == 1 && excused), backend " " me ": ran to its end")
		next
	}
	/^## done/ { complete = 1; next }
	/^(not )?ok [0-9]+/ {
		failed = $1 == "not"
		skipped = / # SKIP/
		sub(/^(not )?ok [0-9]+ (- )?(# SKIP )?/, "")
		who = backend " " me ": " $0
		d = difference($0)
		if (d && (failed || skipped)) {
			excused = 1
			verdict(1, who " (differs: " reason[d] ")")
		} else if (d) {
			verdict(0, who " (tools/selftests/differences says that C fails this; it does not)")
		} else if (skipped) {
			printf "ok %d - %s # SKIP\n", ++n, who
		} else {
			verdict(!failed, who)
			excused = excused || failed
		}
		next
	}
	/^TAP version|^1\.\.|^# Totals|addr2line: not found/ { next }
	{ sub(/^(# ?)?/, "# "); print }
	END {
		if (!complete)
			verdict(0, "the host ran all programs")
		printf "1..%d\n", n
		exit bad != 0
	}'
}

# Every program there is.
selftests_programs() {
	(cd "$TOP/tools/selftests/tests" && for p in *.c; do printf '%s ' "${p%.c}"; done)
}

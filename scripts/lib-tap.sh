# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# TAP for the checks. Source it after lib.sh:
#
#     plan 3
#     ok "what holds" COMMAND...      # passes if COMMAND does
#     skip "what" "why"
#     verdict                         # last: the exit status

tap_number=0 tap_failed=0

plan() { echo "1..$1"; }

diag() { printf '# %s\n' "${*//$'\n'/$'\n'# }"; }

pass() {
	tap_number=$((tap_number + 1))
	echo "ok $tap_number - $*"
}

# fail WHAT: diagnostics, if any, follow it by diag.
fail() {
	tap_number=$((tap_number + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_number - $*"
}

skip() {
	tap_number=$((tap_number + 1))
	echo "ok $tap_number - $1 # SKIP $2"
}

# ok WHAT COMMAND...: COMMAND's output is shown when it fails.
ok() {
	local what=$1 output
	shift
	if output=$("$@" 2>&1); then
		pass "$what"
	else
		fail "$what"
		[ -z "$output" ] || diag "$(head -n 40 <<<"$output")"
	fi
}

# verdict: the exit status of the whole check.
verdict() { [ "$tap_failed" -eq 0 ]; }

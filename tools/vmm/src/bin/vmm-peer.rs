// SPDX-License-Identifier: GPL-2.0
//! vmm-peer: run a command with a machine to ping at the other end of a socket.

use std::os::unix::net::UnixListener;
use std::process::{Command, ExitCode};
use std::thread;

use anyhow::{Context, Result};
use vmm::peer;

const HELP: &str = "\
vmm-peer SOCKET ADDRESS/BITS COMMAND...: run COMMAND, which connects to the unix
socket SOCKET (vmm's --net socket=SOCKET), with a machine at the other end that
answers pings at ADDRESS. Each connection has one. Ends when COMMAND does, with
its status.
";

fn main() -> Result<ExitCode> {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let [socket, address, program, words @ ..] = &words[..] else {
        print!("{HELP}");
        return Ok(ExitCode::from(2));
    };
    let address = address
        .to_str()
        .and_then(|address| address.parse().ok())
        .context("the address is like 10.0.2.1/24")?;
    // What an earlier run left behind.
    let _ = std::fs::remove_file(socket);
    let listener =
        UnixListener::bind(socket).with_context(|| format!("cannot listen at {socket:?}"))?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                if let Err(error) = peer::serve(stream, address) {
                    eprintln!("vmm-peer: {error}");
                }
            });
        }
    });
    let status = Command::new(program)
        .args(words)
        .status()
        .with_context(|| format!("cannot run {program:?}"))?;
    // A signal has no status.
    Ok(ExitCode::from(status.code().unwrap_or(1) as u8))
}

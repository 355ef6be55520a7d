//! Lines that nobody reads stop nothing.

use super::*;
use std::fs::File;
use std::process::Stdio;

/// A pipe whose reader has gone.
fn unread() -> Stdio {
    let mut reader = Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
    let pipe = reader.stdin.take().unwrap();
    reader.wait().unwrap();
    pipe.into()
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

#[test]
fn a_batch_goes_on_when_nobody_reads_its_lines() {
    let folder = Folder::new("unread_batch");
    for n in 0..3 {
        folder.write(format!("photos/{n}.png"), &png_photo());
    }
    folder.write("photos/cut.png", &png_photo()[..500]);
    for (out, errors) in [("unread", unread()), ("full", full())] {
        let line = format!("photos --out {out} --report {out}.jsonl");
        let status = folder.parse_command(&line).stderr(errors).status().unwrap();
        assert_eq!(status.code(), Some(1), "{out}");
        assert!((0..3).all(|n| folder.has(&format!("{out}/{n}.overlay.png"))), "{out}");
        assert_eq!(folder.read(format!("{out}.jsonl")).split(|&byte| byte == b'\n').count(), 5);
    }
    let line =
        format!("{BODYMAP} parse photos --out shell --model {} 2>&1 | head -n 1", people_model("card.json"));
    let output = Command::new("sh").args(["-c", &line]).current_dir(&folder.0).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
    assert!((0..3).all(|n| folder.has(&format!("shell/{n}.overlay.png"))));
}

#[test]
fn errors_that_nobody_reads_keep_their_status() {
    let folder = Folder::with_photos("unread_errors");
    let model = people_model("card.json");
    for (line, status) in [
        ("parse missing.png --out out".to_owned(), 1),
        (format!("parse p.png --out out --setting none --model {model}"), 2),
        (format!("bench missing.png --model {model}"), 2),
        ("model split missing.json --out out".to_owned(), 1),
    ] {
        for errors in [unread(), full()] {
            let ran = folder.command(&line).stderr(errors).status().unwrap();
            assert_eq!(ran.code(), Some(status), "{line}");
        }
    }
    // Neither is a licence that nobody reads a reason to stop.
    let checkpoint = format!("{}/tests/m2fp/tiny-multi.pt", env!("CARGO_MANIFEST_DIR"));
    let template = format!("{}/tests/m2fp/tiny-multi.json", env!("CARGO_MANIFEST_DIR"));
    for (out, stream) in [("a", unread()), ("b", full())] {
        let mut command = folder.command(&format!("model import --accept-licence --out {out}"));
        let ran = command.args([&checkpoint, "--template", &template]).stdout(stream).status().unwrap();
        assert_eq!(ran.code(), Some(0));
        let mut command = folder.command(&format!("model split {out}/card.json --out {out}/parts"));
        assert_eq!(command.stdout(full()).status().unwrap().code(), Some(0));
    }
    let bench = format!("bench p.png --model {model} --repeats 1");
    assert_eq!(folder.command(&bench).stdout(unread()).stderr(full()).status().unwrap().code(), Some(0));
    assert_eq!(folder.command(&bench).stdout(full()).stderr(full()).status().unwrap().code(), Some(2));
}

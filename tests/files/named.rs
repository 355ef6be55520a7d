//! Files that somebody named to be written or read.

use super::*;

fn lines(bytes: &[u8]) -> Vec<serde_json::Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn reports_are_written_into_what_is_no_plain_file() {
    let folder = Folder::with_photos("streams");
    let bench = format!("bench p.png --model {} --repeats 1 --json", people_model("card.json"));
    // Links are followed.
    std::os::unix::fs::symlink("there/report.jsonl", folder.path("link")).unwrap();
    std::os::unix::fs::symlink("link", folder.path("link2")).unwrap();
    for _ in 0..2 {
        folder.parse("p.png --out out --report link2").is(0, &[]);
        assert!(folder.path("link").is_symlink() && folder.path("link2").is_symlink());
        assert_eq!(lines(&folder.read("there/report.jsonl"))[0]["outcome"], "parsed");
    }
    folder.write("times.json", b"old");
    std::os::unix::fs::symlink("times.json", folder.path("times")).unwrap();
    assert!(folder.command(&format!("{bench} times")).status().unwrap().success());
    assert!(folder.path("times").is_symlink());
    assert!(String::from_utf8(folder.read("times.json")).unwrap().contains("\"setting\""));

    // Pipes and devices are written into.
    assert!(Command::new("mkfifo").arg(folder.path("pipe")).status().unwrap().success());
    for line in [
        format!("parse p.png --out out --model {} --report pipe", people_model("card.json")),
        format!("{bench} pipe"),
    ] {
        let child = folder.command(&line).stdout(std::process::Stdio::null()).spawn().unwrap();
        let read = folder.read("pipe");
        assert!(child.wait_with_output().unwrap().status.success());
        serde_json::from_slice::<serde_json::Value>(&read).unwrap();
        use std::os::unix::fs::FileTypeExt;
        assert!(folder.path("pipe").metadata().unwrap().file_type().is_fifo());
    }
    // Where this program may make one.
    if Command::new("mknod")
        .arg(folder.path("null"))
        .args(["c", "1", "3"])
        .status()
        .is_ok_and(|it| it.success())
    {
        use std::os::unix::fs::FileTypeExt;
        folder.parse("p.png --out out --report null").is(0, &[]);
        assert!(folder.path("null").metadata().unwrap().file_type().is_char_device());
    }
    let output = folder.parse_command("p.png --out out --report /dev/stdout").output().unwrap();
    assert_eq!(lines(&output.stdout)[0]["name"], "p.png");
    let output = folder.parse_command("p.png --out out --report /dev/stderr").output().unwrap();
    assert_eq!(lines(&output.stderr)[0]["name"], "p.png");
    assert!(std::fs::symlink_metadata("/dev/stdout").unwrap().is_symlink());

    // What a shell has open keeps what is in it.
    let line = format!(
        "echo before >all; {BODYMAP} parse p.png --model {} --out out --report /proc/self/fd/3 3>>all",
        people_model("card.json")
    );
    assert!(Command::new("sh").args(["-c", &line]).current_dir(&folder.0).status().unwrap().success());
    let all = String::from_utf8(folder.read("all")).unwrap();
    assert!(all.starts_with("before\n{") && all.lines().count() == 2, "{all}");
}

#[test]
fn reports_do_not_replace_what_they_did_not_write() {
    let folder = Folder::with_photos("reports");
    folder.write("notes.txt", b"mine");
    folder.write("list.txt", b"p.png\n");
    folder.write("empty", b"");
    std::os::unix::fs::symlink("p.jpg", folder.path("link")).unwrap();
    for report in ["notes.txt", "p.png", "p.jpg", "list.txt", "./p.jpg", "link"] {
        let before = folder.read(report);
        folder
            .parse(&format!("--list list.txt --out out --report {report}"))
            .is(2, &[report, "(name-clash)"]);
        assert_eq!(folder.read(report), before);
        let bench = format!("bench p.png --model {} --repeats 1 --json {report}", people_model("card.json"));
        Told::of(folder.command(&bench).output().unwrap()).is(2, &["(name-clash)"]);
        assert_eq!(folder.read(report), before);
    }
    assert!(!folder.has("out"));
    // A result and the report cannot be one file.
    folder.parse("p.png --out out --formats json --report out/p.json").is(1, &["(name-clash)"]);
    assert_eq!(lines(&folder.read("out/p.json"))[0]["code"], "name-clash");
    folder.parse("p.png --out out2 --report empty").is(0, &[]);
    folder.parse("p.png --out out2 --report empty").is(0, &[]);
    assert_eq!(lines(&folder.read("empty"))[0]["outcome"], "parsed");
    let bench = format!("bench p.png --model {} --repeats 1 --json times.json", people_model("card.json"));
    for _ in 0..2 {
        Told::of(folder.command(&bench).output().unwrap()).is(0, &[]);
    }
}

#[test]
fn endless_files_are_read_as_far_as_the_cap() {
    let folder = Folder::with_photos("endless");
    // The memory would not do for a second of reading.
    let limited = |line: &str| {
        let line = format!("ulimit -v 4000000; exec {BODYMAP} {line}");
        Told::of(Command::new("sh").args(["-c", &line]).current_dir(&folder.0).output().unwrap())
    };
    let model = people_model("card.json");
    let told = limited(&format!("parse /dev/zero p.png --out out --model {model}"));
    told.is(1, &["/dev/zero: it has more than 67108864 bytes", "(file-too-large)", "1 of 2 photos failed"]);
    assert!(folder.has("out/p.png"));
    std::os::unix::fs::symlink("/dev/zero", folder.path("zero.jpg")).unwrap();
    limited(&format!("parse zero.jpg --out out --model {model}")).is(1, &["(file-too-large)"]);
    limited("parse p.png --out out --model /dev/zero").is(2, &["(file-too-large)"]);
    limited("parse p.png --out out --palette zero.json").is(2, &["(io)"]);
    limited(&format!("bench /dev/zero --model {model}")).is(2, &["(file-too-large)"]);
    limited("model split /dev/zero --out parts").is(1, &["(file-too-large)"]);
    limited(&format!("parse --list /dev/zero --out out --model {model}")).is(2, &["(file-too-large)"]);
    let line = format!("yes | tr -d '\\n' | {BODYMAP} parse /dev/stdin --out out --model {model}");
    let output = Command::new("sh").args(["-c", &line]).current_dir(&folder.0).output().unwrap();
    Told::of(output).is(1, &["(file-too-large)"]);
}

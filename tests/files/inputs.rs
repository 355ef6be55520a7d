//! Which photos folders, patterns and lists name.

use super::*;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

#[test]
fn a_folder_gives_what_can_be_read_and_a_word_of_the_rest() {
    let folder = Folder::new("endings");
    for name in ["a.jfif", "b.JPE", "c", "d.jpeg"] {
        folder.write(format!("photos/{name}"), &jpeg_photo());
    }
    folder.write("photos/e.webp", &png_photo());
    folder.write("photos/notes.txt", b"mine");
    folder.write("photos/README", b"mine");
    folder.write("photos/.hidden.jpg", &jpeg_photo());
    symlink("nowhere.jpg", folder.path("photos/f.jpg")).unwrap();
    let told = folder.parse("photos --out out --formats labels");
    told.is(1, &["5 photos parsed, 0 kept from before, 1 failed", "photos/f.jpg: it cannot be read"]);
    told.is(1, &["left out: 2 files that are no photos (.txt, no ending), 1 hidden"]);
    assert!(
        ["a.png", "b.png", "c.png", "d.png", "e.png"].iter().all(|name| folder.has(&format!("out/{name}")))
    );
}

#[test]
fn linked_folders_are_searched_once() {
    let folder = Folder::new("linked");
    folder.write("photos/a/p.png", &png_photo());
    folder.write("elsewhere/sea/q.png", &png_photo());
    symlink("../elsewhere", folder.path("photos/b")).unwrap();
    symlink("../elsewhere/sea", folder.path("photos/c")).unwrap();
    symlink("../a", folder.path("photos/a/loop")).unwrap();
    symlink("..", folder.path("photos/up")).unwrap();
    symlink("itself", folder.path("photos/itself")).unwrap();
    symlink("../..", folder.path("elsewhere/sea/back")).unwrap();
    for photos in ["photos", "photos/**/*.png"] {
        let told = folder.parse(&format!("{photos} --out out --formats labels"));
        told.is(0, &["2 photos parsed, 0 kept from before, 0 failed"]);
        for link in ["photos/c", "photos/a/loop", "photos/up", "photos/b/sea/back"] {
            assert!(
                told.errors.lines().any(|line| line.contains(&format!("{link}: left out"))),
                "{link} in {}",
                told.errors
            );
        }
    }
    assert!(folder.has("out/a/p.png") && folder.has("out/b/sea/q.png"));
}

#[test]
fn patterns_find_photos_in_folders_with_brackets_in_their_names() {
    let folder = Folder::new("brackets");
    for name in ["[2024] Images/a.png", "[2024] Images/sea*/b.png", "[2024] Images/sea*/c [1].png"] {
        folder.write(name, &png_photo());
    }
    let parse = |pattern: &str| {
        let mut command = folder.parse_command("--out out --formats labels");
        let told = Told::of(command.arg(pattern).output().unwrap());
        let _ = std::fs::remove_dir_all(folder.path("out"));
        told
    };
    parse("[2024] Images/*.png").is(0, &["1 photos parsed"]);
    parse("[2024] Images/**/*.png").is(0, &["3 photos parsed"]);
    parse("[2024] Images/sea*/[bc]*.png").is(0, &["2 photos parsed"]);
    parse(&format!("{}/[2024] Images/sea*/*.png", folder.0.display())).is(0, &["2 photos parsed"]);
    parse("[2024] Images/sea*/c [1].png").is(0, &[]);
    parse("[2025] Images/*.png").is(1, &["there is no photo (io)"]);
}

#[test]
fn a_pattern_may_be_in_the_folder_of_the_results() {
    let folder = Folder::with_photos("in_place");
    for _ in 0..2 {
        folder.parse("*.jpg --out . --formats overlay,json").is(0, &["1 photos parsed"]);
        folder
            .parse("./p* --out . --formats overlay")
            .is(1, &["p.png: its results would replace", "1 photos parsed"]);
    }
}

#[test]
fn a_list_may_have_a_mark_before_it() {
    let folder = Folder::with_photos("marks");
    folder.write("q.png", &png_photo());
    let text = "p.png\r\nq.png\r\n";
    let utf16: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for bytes in [["\u{feff}", text].concat().into_bytes(), utf16] {
        folder.write("list.txt", &bytes);
        folder.parse("--list list.txt --out out --formats labels").is(0, &["2 photos parsed"]);
    }
}

#[test]
fn a_photo_that_is_named_twice_is_parsed_once() {
    let folder = Folder::with_photos("twice");
    symlink(".", folder.path("here")).unwrap();
    folder.write("list.txt", b"p.png\np.png\n./p.png\nhere/p.png\n");
    let told = folder.parse("p.png --list list.txt --out out --formats labels --report report.jsonl");
    told.is(0, &["1 photos parsed, 0 kept from before, 0 failed"]);
    // Another with the same name is another.
    folder.write("sea/p.png", &png_photo());
    folder.parse("p.png sea/p.png --out out --formats labels").is(1, &["(name-clash)"]);
}

#[test]
fn a_list_without_photos_is_told() {
    let folder = Folder::new("empty_lists");
    for bytes in [&b""[..], b"\n\r\n", b"\xef\xbb\xbf", b"\xff\xfe"] {
        folder.write("list.txt", bytes);
        folder.parse("--list list.txt --out out").is(2, &["list.txt: the list names no photo (io)"]);
    }
}

#[test]
fn a_name_in_another_encoding_does_not_stop_the_others() {
    let folder = Folder::with_photos("latin_1");
    folder.write("list.txt", b"caf\xe9.png\np.png\n");
    let told = folder.parse("--list list.txt --out out --formats labels");
    told.is(1, &["1 photos parsed, 0 kept from before, 1 failed"]);
    let latin_1 = std::ffi::OsStr::from_bytes(b"caf\xe9.png");
    folder.write(latin_1, &png_photo());
    folder.parse("--list list.txt --out out --formats labels").is(0, &["2 photos parsed"]);
}

#[test]
fn photos_are_found_behind_a_prefix_without_a_slash() {
    let folder = Folder::with_photos("photos_at");
    let formats = "--formats labelme,labelstudio";
    for (prefix, labelme, label_studio) in [
        ("../..", "../../p.png", "../../p.png"),
        ("../../", "../../p.png", "../../p.png"),
        (
            "/data/local-files/?d=photos",
            "/data/local-files/?d=photos/p.png",
            "/data/local-files/?d=photos/p.png",
        ),
        ("http://host/get?name=", "http://host/get?name=p.png", "http://host/get?name=p.png"),
    ] {
        folder.parse(&format!("p.png --out out {formats} --photos-at {prefix}")).is(0, &[]);
        let json = |path: &str| -> serde_json::Value { serde_json::from_slice(&folder.read(path)).unwrap() };
        assert_eq!(json("out/labelme/p.json")["imagePath"], labelme);
        assert_eq!(json("out/labelstudio.json")[0]["data"]["image"], label_studio);
    }
}

#[test]
fn names_that_cvat_does_not_find_are_refused() {
    let folder = Folder::new("cvat_names");
    let names = ["#1.png", " p.png", "p .png", "\u{3000}p.png"];
    for name in names.iter().chain(&["p#1.png", "a/#1.png", "p q.png"]) {
        folder.write(format!("photos/{name}"), &png_photo());
    }
    let told = folder.parse("photos --out out --formats cvat");
    told.is(1, &["3 photos parsed, 0 kept from before, 4 failed"]);
    for name in names {
        assert!(
            told.errors
                .lines()
                .any(|line| line.contains(&format!("/{name}: ")) && line.ends_with("(bad-option)")),
            "{name:?} in {}",
            told.errors
        );
    }
    let list = String::from_utf8(folder.read("out/cvat/ImageSets/Segmentation/default.txt")).unwrap();
    assert_eq!(list, "a/#1\np q\np#1\n");
    // Other formats have no list.
    folder.parse("photos --out all --formats labels,coco").is(0, &["7 photos parsed"]);
}

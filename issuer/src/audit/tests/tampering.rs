//! What is changed of an export, each kind of it, and any byte.

use proptest::prelude::*;

use super::*;

/// What is changed of a file of three entries and the head.
type Tampering = fn(&mut Vec<String>);

/// The lines with hashes of their own after `from`, as whoever has no key can make them.
fn hash_again(lines: &mut [String], from: usize) {
    let mut hash = start();
    for (n, text) in lines.iter_mut().enumerate() {
        let Some((content, _)) = text.split_once(",\"hash\"") else { break };
        hash = next(hash, content);
        if n >= from {
            *text = line::entry_line(content, hash) + "\n";
        }
    }
}

fn replace(lines: &mut [String], at: usize, from: &str, to: &str) {
    assert!(lines[at].contains(from), "{from} in {}", lines[at]);
    lines[at] = lines[at].replacen(from, to, 1);
}

#[test]
fn each_kind_of_tampering_is_found_where_it_is() {
    let malformed = Wrong::Malformed;
    let key = Signer::new(1).id();
    let cases: Vec<(&str, Tampering, u64, Wrong)> = vec![
        ("a member is changed", |it| replace(it, 1, "curl", "curt"), 2, Wrong::Changed),
        ("an action is changed", |it| replace(it, 0, "created\"", "deleted\""), 1, Wrong::Changed),
        (
            "a hash is changed",
            |it| {
                let last = it[1].len() - 4;
                let digit = if it[1].as_bytes()[last] == b'0' { "1" } else { "0" };
                it[1].replace_range(last..=last, digit);
            },
            2,
            Wrong::Changed,
        ),
        (
            "a line is changed, and its hash",
            |it| {
                replace(it, 0, "issuer/", "issued/");
                let (content, _) = it[0].split_once(",\"hash\"").unwrap();
                it[0] = line::entry_line(content, next(start(), content)) + "\n";
            },
            2,
            Wrong::Changed,
        ),
        (
            "a line is changed, and all hashes",
            |it| {
                replace(it, 0, "issuer/", "issued/");
                hash_again(it, 0);
            },
            4,
            Wrong::OtherHash,
        ),
        ("the first line is missing", |it| drop(it.remove(0)), 1, Wrong::Missing(1..=1)),
        ("lines are missing", |it| drop(it.drain(..2)), 1, Wrong::Missing(1..=2)),
        ("a line is missing", |it| drop(it.remove(1)), 2, Wrong::Missing(2..=2)),
        (
            "a line is missing, and the hashes fit",
            |it| {
                it.remove(1);
                hash_again(it, 0);
            },
            3,
            Wrong::OtherCount { head: 3, found: 2 },
        ),
        (
            "the last entry is missing",
            |it| drop(it.remove(2)),
            3,
            Wrong::OtherCount { head: 3, found: 2 },
        ),
        (
            "a line is doubled",
            |it| it.insert(2, it[1].clone()),
            3,
            Wrong::OutOfOrder { number: 2, after: 2 },
        ),
        (
            "the first line comes again",
            |it| it.insert(3, it[0].clone()),
            4,
            Wrong::OutOfOrder { number: 1, after: 3 },
        ),
        ("two lines are exchanged", |it| it.swap(0, 1), 1, Wrong::Missing(1..=1)),
        (
            "a line is put in",
            |it| {
                let mut export = Export::default();
                it.insert(0, export.entry(&record(1)).unwrap());
                replace(it, 0, "issuer/", "issued/");
            },
            1,
            Wrong::Changed,
        ),
        (
            "a line is put in at the end, and its hash fits",
            |it| {
                let content = line::entry_content(&record(4)).unwrap();
                it.insert(3, line::entry_line(&content, start()) + "\n");
                hash_again(it, 0);
            },
            5,
            Wrong::OtherCount { head: 3, found: 4 },
        ),
        ("the head is missing", |it| drop(it.pop()), 4, Wrong::NoHead(3)),
        ("the end is missing", |it| it.truncate(1), 2, Wrong::NoHead(1)),
        ("all is missing", Vec::clear, 1, Wrong::NoHead(0)),
        ("it ends within a line", |it| it[3].truncate(40), 4, Wrong::Cut),
        ("the last line feed is missing", |it| assert!(it[3].pop().is_some()), 4, Wrong::Cut),
        (
            "the entries are missing",
            |it| drop(it.drain(..3)),
            1,
            Wrong::OtherCount { head: 3, found: 0 },
        ),
        (
            "the head is of another number",
            |it| replace(it, 3, "entries\\\":3", "entries\\\":4"),
            4,
            Wrong::BadSignature(key),
        ),
        (
            "the head is of another time",
            |it| replace(it, 3, "signed_at\\\":\\\"2026", "signed_at\\\":\\\"2027"),
            4,
            Wrong::BadSignature(key),
        ),
        (
            "the head is another log's",
            |it| it[3] = lines(2).remove(2),
            4,
            Wrong::OtherCount { head: 2, found: 3 },
        ),
        (
            "another key signs",
            |it| {
                let records = [record(1), record(2), record(3)];
                *it = lines_of(&records, &[&Signer::new(2)]);
            },
            4,
            Wrong::OtherKeys(vec![Signer::new(2).id()]),
        ),
        (
            "another key signs in the name of this one",
            |it| {
                let mut export = Export::default();
                (1..=3).for_each(|number| drop(export.entry(&record(number))));
                let head = export.head(SIGNED_AT, vec![Signer::new(1).public()]).unwrap();
                let forged = Signer::new(2).0.sign(&head.signed_bytes());
                it[3] = head.line(&[forged.as_ref().try_into().unwrap()]);
            },
            4,
            Wrong::BadSignature(key),
        ),
        ("there is a second head", |it| it.push(it[3].clone()), 5, Wrong::BehindHead),
        (
            "an entry comes after the head",
            |it| it.swap(2, 3),
            3,
            Wrong::OtherCount { head: 3, found: 2 },
        ),
        ("there is an empty line at the end", |it| it.push("\n".to_owned()), 5, Wrong::BehindHead),
        ("there is junk at the end", |it| it.push("x".to_owned()), 5, Wrong::Cut),
        (
            "there is an empty line",
            |it| it.insert(1, "\n".to_owned()),
            2,
            malformed(Malformation::NotJson),
        ),
        (
            "a member is unknown",
            |it| replace(it, 0, "{", "{\"note\":\"\","),
            1,
            malformed(Malformation::Unknown("note".to_owned())),
        ),
        (
            "a member stands behind the hash",
            |it| replace(it, 0, "\"}", "\",\"note\":1}"),
            1,
            malformed(Malformation::Unknown("note".to_owned())),
        ),
        (
            "a member is there twice",
            |it| replace(it, 0, "{", "{\"action\":\"deleted\","),
            1,
            malformed(Malformation::Twice("action")),
        ),
        (
            "a member is there twice, once in another spelling",
            |it| replace(it, 0, "{", "{\"\\u0061ction\":\"deleted\","),
            1,
            malformed(Malformation::Twice("action")),
        ),
        (
            "there are two hashes",
            |it| replace(it, 0, "}", ",\"hash\":\"\"}"),
            1,
            malformed(Malformation::Twice("hash")),
        ),
        (
            "a member is missing",
            |it| replace(it, 0, "\"ip\":null,", ""),
            1,
            malformed(Malformation::Lacks("ip")),
        ),
        (
            "the members have another order",
            |it| {
                replace(
                    it,
                    0,
                    "\"bearer_id\":null,\"access_key\":null",
                    "\"access_key\":null,\"bearer_id\":null",
                )
            },
            1,
            malformed(Malformation::Spelling),
        ),
        (
            "there is white space",
            |it| replace(it, 0, ",", ", "),
            1,
            malformed(Malformation::Spelling),
        ),
        (
            "a line ends as on Windows",
            |it| replace(it, 0, "\n", "\r\n"),
            1,
            malformed(Malformation::Spelling),
        ),
        (
            "a character is escaped",
            |it| replace(it, 0, "issuer/", "issuer\\/"),
            1,
            malformed(Malformation::Spelling),
        ),
        (
            "an id has capitals",
            |it| replace(it, 0, "0b9c7c6e", "0B9C7C6E"),
            1,
            malformed(Malformation::Spelling),
        ),
        (
            "a time has another offset",
            |it| replace(it, 0, "000001Z", "000001+00:00"),
            1,
            malformed(Malformation::Spelling),
        ),
        (
            "a number is a text",
            |it| replace(it, 0, "\"number\":1", "\"number\":\"1\""),
            1,
            malformed(Malformation::Value("number")),
        ),
        (
            "a number has a fraction",
            |it| replace(it, 0, "\"number\":1", "\"number\":1.0"),
            1,
            malformed(Malformation::Value("number")),
        ),
        (
            "an action is unknown",
            |it| replace(it, 0, "\"created\"", "\"read\""),
            1,
            malformed(Malformation::Value("action")),
        ),
        (
            "a text is null",
            |it| replace(it, 0, "\"issuer/0.1.0\"", "null"),
            1,
            malformed(Malformation::Value("user_agent")),
        ),
        (
            "there is a mark of the byte order",
            |it| replace(it, 0, "{", "\u{feff}{"),
            1,
            malformed(Malformation::NotJson),
        ),
        (
            "a line is an array",
            |it| it[0] = "[1]\n".to_owned(),
            1,
            malformed(Malformation::NotJson),
        ),
        (
            "two objects stand in a line",
            |it| replace(it, 0, "\n", "{}\n"),
            1,
            malformed(Malformation::NotJson),
        ),
        (
            "a line is too long",
            |it| it[1] = "x".repeat(MAX_LINE_BYTES + 1),
            2,
            malformed(Malformation::TooLong),
        ),
        (
            "the head has an unknown member",
            |it| replace(it, 3, "]}\n", "],\"note\":1}\n"),
            4,
            malformed(Malformation::Unknown("note".to_owned())),
        ),
        (
            "the head is of another format",
            |it| replace(it, 3, "audit v1", "audit v2"),
            4,
            malformed(Malformation::Value("format")),
        ),
        (
            "the head has no signature",
            |it| {
                let (head, _) = it[3].split_once("\"signatures\"").unwrap();
                it[3] = format!("{head}\"signatures\":[]}}\n");
            },
            4,
            malformed(Malformation::Value("signatures")),
        ),
        (
            "the head has white space",
            |it| replace(it, 3, "[", "[ "),
            4,
            malformed(Malformation::Spelling),
        ),
    ];
    let whole = lines(3);
    assert!(read(whole.concat()).is_ok());
    for (what, tamper, line, wrong) in cases {
        let mut lines = whole.clone();
        tamper(&mut lines);
        assert_eq!(read(lines.concat()), Err(Fault { line, wrong }), "{what}");
    }
}

proptest! {
    /// Whatever byte it is, and whatever it becomes.
    #[test]
    fn no_byte_can_be_changed_unseen(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut file = lines_of(&[record(1), record(2)], &[&Signer::new(1), &Signer::new(2)])
            .concat()
            .into_bytes();
        let at = at.index(file.len());
        let is_same = file[at] == to;
        file[at] = to;
        prop_assert_eq!(read(&file).is_ok(), is_same);
    }

    #[test]
    fn no_byte_can_be_removed_or_put_in_unseen(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let file = lines(2).concat().into_bytes();
        let at = at.index(file.len());
        let mut longer = file.clone();
        longer.insert(at, byte);
        let mut shorter = file;
        shorter.remove(at);
        prop_assert!(read(longer).is_err() && read(&shorter).is_err());
    }

    #[test]
    fn what_is_cut_anywhere_is_found(at in any::<prop::sample::Index>()) {
        let file = lines(3).concat();
        prop_assert!(read(&file.as_bytes()[..at.index(file.len())]).is_err());
    }
}

/// Each byte of a file, and each bit of it.
#[test]
fn no_bit_can_be_flipped_unseen() {
    let file = lines(1).concat().into_bytes();
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut flipped = file.clone();
            flipped[at] ^= 1 << bit;
            assert!(read(&flipped).is_err(), "bit {bit} of byte {at}");
        }
    }
}

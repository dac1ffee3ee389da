//! Members of one YAML text put into another, by their indentation: what a reader does with
//! an editor.

/// Puts the outermost members of `new` into the object of `text` that has the member `beside`,
/// each in the place of the member of its name, if there is one.
pub fn put(text: &str, beside: &str, new: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for member in split(new) {
        let name = member[0].split(':').next().unwrap();
        let anchor = lines.iter().position(|line| line.trim_start().starts_with(beside));
        let anchor = anchor.unwrap_or_else(|| panic!("no {beside} in:\n{text}"));
        let depth = indent(&lines[anchor]);
        // The object ends, both ways, where a line is indented less.
        let outside = |line: &String| !line.trim().is_empty() && indent(line) < depth;
        let start = lines[..anchor].iter().rposition(outside).map_or(0, |place| place + 1);
        let end = lines[anchor..].iter().position(outside).map_or(lines.len(), |n| anchor + n);
        let is_old =
            |line: &String| indent(line) == depth && line[depth..].starts_with(&format!("{name}:"));
        let old = match (start..end).find(|n| is_old(&lines[*n])) {
            None => anchor..anchor,
            Some(first) => {
                let next = |line: &String| !line.trim().is_empty() && indent(line) <= depth;
                let rest = lines[first + 1..end].iter().position(next);
                first..rest.map_or(end, |n| first + 1 + n)
            }
        };
        lines.splice(old, member.iter().map(|line| format!("{}{line}", " ".repeat(depth))));
    }
    lines.join("\n") + "\n"
}

/// Each member's lines, comments before it left out.
fn split(text: &str) -> Vec<Vec<&str>> {
    let mut members: Vec<Vec<&str>> = Vec::new();
    for line in text.lines() {
        if line.starts_with(|first: char| first.is_ascii_lowercase()) {
            members.push(vec![line]);
        } else if let Some(member) = members.last_mut() {
            member.push(line);
        }
    }
    members
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[test]
fn a_member_goes_to_its_place() {
    let text = "a:\n  b: 1\n  c:\n    - x: 1\n    # more\n  d: 2\ne: 3\n";
    assert_eq!(put(text, "b:", "c: 4\n"), "a:\n  b: 1\n  c: 4\n  d: 2\ne: 3\n");
    assert_eq!(put(text, "d:", "e:\n  - 5\n"), text.replace("  d:", "  e:\n    - 5\n  d:"));
    assert_eq!(put(text, "b:", "# why\nb: 6\n"), text.replace("b: 1", "b: 6"));
}

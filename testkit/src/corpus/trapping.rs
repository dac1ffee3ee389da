//! The shipped module with a fault built in: it traps on a request with many headers.
//!
//! Nothing in the product can be made to trap, so the fault is put into a copy of the
//! binary: the export `proxy_on_request_headers` is pointed at a new function that traps
//! where there are [`FATAL_HEADERS`] headers or more, and else calls the old one.

/// As many headers, pseudo-headers among them, trap.
pub const FATAL_HEADERS: u32 = 64;

const CALLBACK: &[u8] = b"proxy_on_request_headers";

/// The section ids of the binary format (WebAssembly core specification §5.5.2).
const IMPORT: u8 = 2;
const FUNCTION: u8 = 3;
const EXPORT: u8 = 7;
const CODE: u8 = 10;

/// A copy of the module with the fault.
pub fn with_trap(module: &[u8]) -> Vec<u8> {
    let (magic, sections) = module.split_at(8);
    assert_eq!(magic, b"\0asm\x01\0\0\0", "a WebAssembly module");
    let sections = sections_of(sections);
    let section = |id: u8| sections.iter().find(|(found, _)| *found == id).unwrap().1;
    let imported = imported_functions(section(IMPORT));
    let (defined, types) = vector(section(FUNCTION));
    let added = imported + defined;
    let (export_at, callback) = exported_callback(section(EXPORT));
    // The new function has the type of the old one.
    let mut types = types;
    let kind = (imported..=callback).map(|_| number(&mut types)).last().expect("a type");

    let mut copy = magic.to_vec();
    for (id, content) in &sections {
        let content = match *id {
            FUNCTION => appended(content, &encoded(kind)),
            CODE => appended(content, &body(callback)),
            EXPORT => {
                let (before, after) = content.split_at(export_at);
                let mut rest = after;
                number(&mut rest);
                [before, &encoded(added), rest].concat()
            }
            _ => content.to_vec(),
        };
        copy.push(*id);
        copy.extend(encoded(content.len() as u32));
        copy.extend(content);
    }
    copy
}

/// `if num_headers >= FATAL_HEADERS { unreachable } callback(context, num_headers, end)`
fn body(callback: u32) -> Vec<u8> {
    let mut code = vec![0]; // no locals
    code.extend([0x20, 1]); // local.get 1
    code.push(0x41); // i32.const, signed: a zero on top keeps it positive
    code.extend([FATAL_HEADERS as u8 | 0x80, 0]);
    code.push(0x4f); // i32.ge_u
    code.extend([0x04, 0x40, 0x00, 0x0b]); // if unreachable end
    code.extend([0x20, 0, 0x20, 1, 0x20, 2]); // local.get 0, 1, 2
    code.push(0x10); // call
    code.extend(encoded(callback));
    code.push(0x0b); // end
    [encoded(code.len() as u32), code].concat()
}

fn sections_of(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut sections = Vec::new();
    while let Some((id, mut rest)) = bytes.split_first() {
        let length = number(&mut rest) as usize;
        let (content, after) = rest.split_at(length);
        sections.push((*id, content));
        bytes = after;
    }
    sections
}

/// A vector with one element more.
fn appended(content: &[u8], element: &[u8]) -> Vec<u8> {
    let (count, elements) = vector(content);
    [&encoded(count + 1), elements, element].concat()
}

/// A vector's length and its elements.
fn vector(content: &[u8]) -> (u32, &[u8]) {
    let mut elements = content;
    (number(&mut elements), elements)
}

/// How many functions come before those that the module defines.
fn imported_functions(content: &[u8]) -> u32 {
    let (count, mut rest) = vector(content);
    for _ in 0..count {
        name(&mut rest);
        name(&mut rest);
        let (kind, after) = rest.split_first().unwrap();
        assert_eq!(*kind, 0, "the module imports nothing but functions");
        rest = after;
        number(&mut rest);
    }
    count
}

/// Where the callback's index stands in the section, and the index.
fn exported_callback(content: &[u8]) -> (usize, u32) {
    let (count, mut rest) = vector(content);
    for _ in 0..count {
        let found = name(&mut rest) == CALLBACK;
        rest = &rest[1..];
        let at = content.len() - rest.len();
        let index = number(&mut rest);
        if found {
            return (at, index);
        }
    }
    panic!("the module exports no {}", String::from_utf8_lossy(CALLBACK));
}

fn name<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let length = number(bytes) as usize;
    let (name, rest) = bytes.split_at(length);
    *bytes = rest;
    name
}

/// Takes an unsigned LEB128 number off the bytes.
fn number(bytes: &mut &[u8]) -> u32 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (byte, rest) = bytes.split_first().expect("a number");
        *bytes = rest;
        number |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return number;
        }
        shift += 7;
    }
}

fn encoded(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

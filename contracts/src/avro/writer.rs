//! Avro's binary encoding, written. Arrays and maps are one block without a size.

pub fn write_long(out: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
    while rest >= 0x80 {
        out.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    out.push(rest.to_le_bytes()[0]);
}

pub fn write_length(out: &mut Vec<u8>, length: usize) {
    write_long(out, i64::try_from(length).expect("invariant: nothing in memory is longer than i64::MAX"));
}

pub fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

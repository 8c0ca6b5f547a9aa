//! Changes of files, drawn from a seed, and what a file says.

/// Numbers that are the same in each run (SplitMix64).
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}

/// Changes a file somewhere, and says how.
pub(crate) fn change(file: &[u8], draw: &mut Draw) -> (Vec<u8>, String) {
    let mut lines: Vec<Vec<u8>> = file.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let (one, other) = (draw.below(lines.len()), draw.below(lines.len()));
    let how = match draw.below(8) {
        0 => {
            lines.remove(one);
            format!("without line {one}")
        }
        1 => {
            lines.insert(other, lines[one].clone());
            format!("line {one} again at {other}")
        }
        2 => {
            lines.swap(one, other);
            format!("lines {one} and {other} swapped")
        }
        3 => {
            let text = String::from_utf8(lines[one].clone()).unwrap();
            let start = text.find("\"position\":").map_or(0, |at| at + 11);
            let digits = text[start..].bytes().take_while(u8::is_ascii_digit).count();
            lines[one].splice(start..start + digits, draw.below(30).to_string().into_bytes());
            format!("another position in line {one}")
        }
        4 => {
            let end = draw.below(file.len());
            return (file[..end].to_vec(), format!("cut at {end}"));
        }
        _ => {
            let (at, bit) = (draw.below(file.len()), draw.below(8));
            let mut flipped = file.to_vec();
            flipped[at] ^= 1 << bit;
            return (flipped, format!("bit {bit} of byte {at}"));
        }
    };
    (lines.concat(), how)
}

/// What a file says, without what nobody signs and no verdict depends on: `vkey`, and blanks.
pub(crate) fn said(file: &[u8]) -> Option<Vec<serde_json::Value>> {
    let value = |line: &str| {
        let mut value: serde_json::Value = serde_json::from_str(line.trim()).ok()?;
        value.as_object_mut()?.remove("vkey");
        Some(value)
    };
    std::str::from_utf8(file).ok()?.lines().map(value).collect()
}

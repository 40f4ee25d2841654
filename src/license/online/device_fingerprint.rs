//! The device that a License is bound to.

use std::fmt;

use crate::redact::Sensitive;
use crate::wire::{FieldKind, FieldProblem, OutgoingValue, RawField, ReadField, Warnings, WriteField, shaped};

/// A device: its fingerprint, made by the marketplace's desktop client, or a hardware identification code, which the
/// user typed. Only the form shows which.
///
/// Compare it as received. At most 5120 characters: the callback's table says 1024, the client's guide (2024-01-23)
/// makes up to 5 KiB.
///
/// ```
/// use koogallery::license::online::DeviceFingerprint;
///
/// let device = DeviceFingerprint::from("0A1B2C3D4E5F,0A1B2C3D4E60|DISK01||CPU01");
/// let hardware = device.hardware().ok_or("an identification code")?;
/// assert_eq!(hardware.mac_addresses, ["0A1B2C3D4E5F", "0A1B2C3D4E60"]);
/// assert_eq!((hardware.board_serial, hardware.cpu_serial), (None, Some("CPU01")));
/// assert!(DeviceFingerprint::from("HW-0001").hardware().is_none());
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeviceFingerprint(Sensitive);

impl DeviceFingerprint {
    /// Characters at the most.
    pub const MAX: usize = 5 * 1024;

    /// The text as received.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The parts of a fingerprint; `None` for an identification code.
    pub fn hardware(&self) -> Option<Hardware<'_>> {
        let parts: Vec<&str> = self.expose().split('|').collect();
        let [macs, disks, board, cpu] = parts[..] else { return None };
        let present = |serial: &&str| !serial.is_empty();
        Some(Hardware {
            mac_addresses: macs.split(',').filter(present).collect(),
            disk_serials: disks.split(',').filter(present).collect(),
            board_serial: Some(board).filter(present),
            cpu_serial: Some(cpu).filter(present),
        })
    }
}

impl From<&str> for DeviceFingerprint {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

shaped! { DeviceFingerprint = FieldKind::Text; }

impl ReadField for DeviceFingerprint {
    fn read(raw: RawField<'_>, max: usize, warnings: &mut Warnings) -> Result<Self, FieldProblem> {
        // A License that is bound to blanks runs nowhere.
        if raw.is_blank() {
            return Err(FieldProblem::Missing);
        }
        Sensitive::read(raw, max, warnings).map(Self)
    }
}

impl WriteField for DeviceFingerprint {
    fn write(&self) -> OutgoingValue {
        self.0.write()
    }
}

/// Hardware of a device, in capitals; parts that the client could not read are left out.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hardware<'a> {
    /// Of its network cards.
    pub mac_addresses: Vec<&'a str>,
    /// Of its disks.
    pub disk_serials: Vec<&'a str>,
    /// Of its mainboard.
    pub board_serial: Option<&'a str>,
    /// Of its processor.
    pub cpu_serial: Option<&'a str>,
}

impl fmt::Debug for Hardware<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hardware([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_could_not_be_read_are_left_out() {
        let device = DeviceFingerprint::from("|||");
        let hardware = device.hardware().unwrap();
        assert!(hardware.mac_addresses.is_empty() && hardware.disk_serials.is_empty());
        assert_eq!((hardware.board_serial, hardware.cpu_serial), (None, None));
    }

    #[test]
    fn what_has_not_four_parts_is_an_identification_code() {
        for code in ["HW-0001", "A|B|C", "A|B|C|D|E", "A,B"] {
            assert_eq!(DeviceFingerprint::from(code).hardware(), None, "{code}");
        }
    }

    #[test]
    fn no_part_reaches_a_log() {
        let device = DeviceFingerprint::from("0A1B2C3D4E5F|DISK01|BOARD01|CPU01");
        assert!(!format!("{device:?} {:?}", device.hardware()).contains("01"));
    }
}

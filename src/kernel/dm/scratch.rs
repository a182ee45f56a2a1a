//! Devices that thinguard makes and removes itself, for a drill. Nothing here touches a device of another name: laws 4 and 5 hold
//! for every other.

use super::{Command, Control, Error, wire};
use std::os::fd::AsRawFd;

/// What the name of every such device begins with.
pub const PREFIX: &str = "thinguard-drill-";

/// Making and removing, which [`Control`] itself cannot.
#[derive(Debug)]
pub struct Scratch<'a>(&'a Control);

impl Control {
    /// The door to devices of our own.
    pub fn scratch(&self) -> Scratch<'_> {
        Scratch(self)
    }
}

impl Scratch<'_> {
    /// Makes a device without a table.
    ///
    /// # Errors
    /// [`Error::BadName`] for a name that is not a drill's, [`Error::Refused`].
    pub fn create(&self, name: &str) -> Result<(), Error> {
        self.0.call(Command::Create, ours(name)?, 0, 0, &[]).map(drop)
    }

    /// Removes a device that nobody has open.
    ///
    /// # Errors
    /// As for [`Self::create`]; `EBUSY` while it is open.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        self.0.call(Command::Remove, ours(name)?, 0, 0, &[]).map(drop)
    }

    /// Sends its target a message, `create_thin 0`.
    ///
    /// # Errors
    /// As for [`Self::create`].
    pub fn message(&self, name: &str, text: &str) -> Result<(), Error> {
        let mut buffer = wire::message(ours(name)?, text)?;
        (self.0.door)(self.0.device.as_raw_fd(), Command::Message, &mut buffer)
            .map_err(|errno| Command::Message.failed(name, errno))
    }
}

fn ours(name: &str) -> Result<&str, Error> {
    match name.strip_prefix(PREFIX) {
        Some(rest) if !rest.is_empty() => Ok(name),
        _ => Err(Error::BadName(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn no_other_device_is_touched() {
        let control = Control::open(Path::new("/dev/null")).unwrap();
        let scratch = control.scratch();
        for name in [
            "docker-8:1-2-pool",
            "",
            "thinguard-drill-",
            "x-thinguard-drill-1",
            "THINGUARD-drill-1",
        ] {
            for refused in [
                scratch.create(name),
                scratch.remove(name),
                scratch.message(name, "create_thin 0"),
            ] {
                assert_eq!(refused, Err(Error::BadName(name.to_owned())));
            }
        }
        // Of its own names it asks the kernel, which is none here.
        assert!(matches!(
            scratch.create("thinguard-drill-1"),
            Err(Error::Refused { .. })
        ));
    }

    #[test]
    fn a_message_is_a_sector_and_a_text() {
        let bytes = wire::message("thinguard-drill-1", "create_thin 0").unwrap();
        let payload = &bytes[wire::HEADER..];
        assert_eq!(payload[..8], [0; 8]);
        assert_eq!(&payload[8..22], b"create_thin 0\0");
        assert_eq!(bytes.len() % 8, 0);
        assert!(wire::message("thinguard-drill-1", "a\0b").is_err());
    }
}

use clap::Args;
use ymir::Transfer;

/// How image files are taken over; copied by default.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Files {
    /// Links the image files in place of copying them; then nothing may write into them
    #[arg(long)]
    link: bool,
    /// Leaves the image files where they are and refers to them; then they must stay there unchanged
    #[arg(long)]
    reference: bool,
}

impl Files {
    pub(crate) fn transfer(&self) -> Transfer {
        match (self.link, self.reference) {
            (true, _) => Transfer::HardLink,
            (_, true) => Transfer::Reference,
            _ => Transfer::Copy,
        }
    }
}

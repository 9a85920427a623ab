use clap::Args;
use ymir::{Error, Name, Part, Result, SplitOptions};

use super::made;
use crate::context::Context;
use crate::exit::Ending;

/// The arguments of `ymir split`.
#[derive(Debug, Args)]
pub(crate) struct Split {
    /// The version: name, name@v3, name@latest or name@<commit>
    version: String,
    /// The datasets that the parts are committed to, with their shares: train=0.8 val=0.2
    #[arg(required = true, value_name = "DATASET=FRACTION", value_parser = part)]
    parts: Vec<Part>,
    /// The seed of the random choice
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Spreads the assets without regard to their classes
    #[arg(long)]
    unstratified: bool,
}

fn part(text: &str) -> Result<Part> {
    let parts = text.split_once('=').and_then(|(name, value)| Some((name, value.parse().ok()?)));
    let Some((name, fraction)) = parts else {
        return Err(Error::invalid("expected a dataset and its fraction, such as train=0.8"));
    };
    Ok(Part { name: Name::new(name)?, fraction })
}

impl Split {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let source = workspace.dataset(&self.version).await?;
        let Self { parts, seed, unstratified, .. } = self;
        let options = SplitOptions { parts, seed, unstratified };
        let bar = context.out.bar("split");
        let work = async {
            let parts = source.split(&options).on_progress(made::on_bar(&bar)).await?;
            Ok(parts.iter().map(|part| part.version().clone()).collect())
        };
        made::operation(context, &workspace, work).await?;
        Ok(Ending::Done)
    }
}

use clap::{Args, Subcommand};
use serde_json::json;
use ymir::{ClassEdit, ClassTable, NewClass, Result};

use crate::context::Context;
use crate::exit::Ending;
use crate::output::clean;

/// The arguments of `ymir classes`.
#[derive(Debug, Args)]
pub(crate) struct Classes {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists the classes, which is also done without a subcommand
    List {
        /// Lists retired classes too
        #[arg(long)]
        retired: bool,
    },
    /// Adds classes; names that differ by case only are of different classes
    Add {
        /// The names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Gives a class another name; the old one stays as an alias
    Rename {
        /// The class
        class: String,
        /// Its new name
        to: String,
    },
    /// Adds names to a class, for imports and for what executors and labelers return
    Alias {
        /// The class
        class: String,
        /// Further names for it
        #[arg(required = true, value_name = "ALIAS")]
        aliases: Vec<String>,
    },
    /// Stops offering classes for new work; their annotations stay
    Retire {
        /// The classes
        #[arg(required = true, value_name = "CLASS")]
        classes: Vec<String>,
    },
    /// Offers retired classes again
    Restore {
        /// The classes
        #[arg(required = true, value_name = "CLASS")]
        classes: Vec<String>,
    },
}

impl Action {
    fn edits(self) -> Vec<ClassEdit> {
        match self {
            Self::List { .. } => Vec::new(),
            Self::Add { names } => {
                names.into_iter().map(|name| ClassEdit::Add(NewClass::new(name))).collect()
            }
            Self::Rename { class, to } => vec![ClassEdit::Rename { class, to }],
            Self::Alias { class, aliases } => aliases
                .into_iter()
                .map(|alias| ClassEdit::Alias { class: class.clone(), alias })
                .collect(),
            Self::Retire { classes } => classes.into_iter().map(ClassEdit::Retire).collect(),
            Self::Restore { classes } => classes.into_iter().map(ClassEdit::Restore).collect(),
        }
    }
}

impl Classes {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let action = self.action.unwrap_or(Action::List { retired: false });
        let with_retired = matches!(action, Action::List { retired: true });
        let edits = action.edits();
        let table = match edits.is_empty() {
            true => workspace.classes().await?,
            false => workspace.edit_classes(&edits).await?,
        };
        print(context, &table, with_retired)?;
        Ok(Ending::Done)
    }
}

fn print(context: &Context, table: &ClassTable, with_retired: bool) -> Result<()> {
    let shown: Vec<_> =
        table.entries().iter().filter(|entry| with_retired || !entry.retired).collect();
    context.out.result(&json!({ "classes": shown }), || {
        let mut text = String::new();
        for entry in &shown {
            text.push_str(&format!("{:>4}  {}", entry.id, entry.name));
            if !entry.aliases.is_empty() {
                text.push_str(&format!(" (also {})", entry.aliases.join(", ")));
            }
            text.push_str(if entry.retired { "  retired\n" } else { "\n" });
        }
        let hidden = table.len() - shown.len();
        if hidden > 0 {
            text.push_str(&format!("{hidden} retired; `ymir classes list --retired` lists them\n"));
        }
        clean(&text)
    })
}

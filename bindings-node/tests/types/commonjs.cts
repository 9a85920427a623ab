// The same declarations by `require`.
import ymir = require("ymir");

export const open: (path: string) => Promise<ymir.Workspace> = (path) => ymir.Workspace.open(path);

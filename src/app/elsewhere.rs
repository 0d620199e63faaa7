//! A blueprint that only the home of whoever called `sudo` has.

use std::path::Path;

use super::{App, sources};
use crate::{
    catalog::Catalog,
    hypervisor::Machine,
    model::{Code, Error, escaped},
};

/// Where a user keeps blueprints, below the home.
const FOLDER: &str = ".config/lite/blueprints";

/// The error for a blueprint that is not known, with the place where the user has it and the one where it belongs.
pub(super) fn hint(app: &App, id: &str, error: Error) -> Error {
    let user = app.sudo_user.as_deref().filter(|_| error.code == Code::UnknownBlueprint);
    let belongs = app.settings.paths.blueprints.first();
    let (Some(user), Some(belongs)) = (user.and_then(|name| user_of(&*app.machine, name)), belongs) else {
        return error;
    };
    let folder = Path::new(&user.home).join(FOLDER);
    if !holds(&folder, user.id, id) {
        return error;
    }
    error.hint(format!(
        "`{}` is in `{}`, where `sudo` does not look: copy it to `{}`, with the scripts it names",
        escaped(id),
        folder.display(),
        belongs.display()
    ))
}

/// An account of the passwd database.
struct User {
    id: u32,
    home: String,
}

/// Looks an account up. `getent` asks whatever holds accounts: a file, LDAP, systemd.
fn user_of(machine: &dyn Machine, name: &str) -> Option<User> {
    let output = machine.run(&machine.program("getent")?, &["passwd", "--", name]).ok()?;
    let line = String::from_utf8(output.stdout).ok()?;
    let fields: Vec<&str> = line.trim_end().split(':').collect();
    match fields.as_slice() {
        [_, _, id, _, _, home, _] if home.starts_with('/') => {
            Some(User { id: id.parse().ok()?, home: (*home).to_owned() })
        }
        _ => None,
    }
}

/// Whether a folder of the user's own holds a blueprint, be it a good one or not.
fn holds(folder: &Path, user: u32, id: &str) -> bool {
    let mut found = Vec::new();
    sources::gather_if(folder, |owner| owner == user, &mut found).is_ok()
        && Catalog::load_usable(&found).is_ok_and(|all| all.own.contains(id) || all.spoiled.contains_key(id))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    };

    use super::*;
    use crate::hypervisor::LocalMachine;

    #[test]
    fn a_home_is_what_the_passwd_database_says() {
        let machine = LocalMachine::of("qemu:///system");
        assert_eq!(user_of(&machine, "root").map(|user| (user.id, user.home)), Some((0, "/root".to_owned())));
        for name in ["", "--help", "no-such-user", "root\n"] {
            assert!(user_of(&machine, name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn only_a_folder_of_the_users_own_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.path().join("wiki.yaml"), "id: wiki\n").unwrap();
        let owner = fs::metadata(folder.path()).unwrap().uid();
        assert!(holds(folder.path(), owner, "wiki"));
        assert!(!holds(folder.path(), owner, "shop"));
        assert!(!holds(folder.path(), owner + 1, "wiki"));
    }
}

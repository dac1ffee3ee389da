//! A group: users and applications that have the same rights.

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

use super::bearer::Bearer;

/// A group, with its members in the order in which they were named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub organization_id: Uuid,
    /// Its name, of which an organization has one.
    pub name: String,
    /// What it is for, in its owner's words.
    pub description: String,
    /// Labels.
    pub tags: Vec<String>,
    /// The users in it.
    pub user_ids: Vec<Uuid>,
    /// The applications in it.
    pub application_ids: Vec<Uuid>,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it was last changed, other than in its members.
    pub updated_at: UnixTime,
}

impl Group {
    /// Who is in it.
    pub fn members(&self) -> impl Iterator<Item = Bearer> {
        let users = self.user_ids.iter().copied().map(Bearer::User);
        users.chain(self.application_ids.iter().copied().map(Bearer::Application))
    }

    /// Adds somebody, unless they are there.
    pub fn add(&mut self, member: Bearer) {
        let (ids, id) = self.ids_like(member);
        if !ids.contains(&id) {
            ids.push(id);
        }
    }

    /// Takes somebody out. Whether they were there.
    pub fn remove(&mut self, member: Bearer) -> bool {
        let (ids, id) = self.ids_like(member);
        let before = ids.len();
        ids.retain(|it| *it != id);
        ids.len() < before
    }

    fn ids_like(&mut self, member: Bearer) -> (&mut Vec<Uuid>, Uuid) {
        match member {
            Bearer::User(id) => (&mut self.user_ids, id),
            Bearer::Application(id) => (&mut self.application_ids, id),
        }
    }
}

/// What becomes of the members of a group.
pub enum MembersChange {
    /// These and no others are in it.
    Replace(Vec<Bearer>),
    /// These are in it too.
    Add(Vec<Bearer>),
    /// They are in it no more.
    Remove(Bearer),
}

/// Which groups a list has.
#[derive(Clone, Debug, Default)]
pub struct GroupFilter {
    /// Of this organization.
    pub organization_id: Option<Uuid>,
    /// Of this name exactly.
    pub name: Option<String>,
    /// With this label.
    pub tag: Option<String>,
    /// Those of these, unless there are none.
    pub ids: Vec<Uuid>,
    /// With one of these users in it, unless there are none.
    pub user_ids: Vec<Uuid>,
    /// With one of these applications in it, unless there are none.
    pub application_ids: Vec<Uuid>,
}

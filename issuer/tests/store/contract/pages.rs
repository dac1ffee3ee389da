//! Lists, read as clients read them.

use namespace_jwt_issuer::model::page::{Page, PageRequest};
use namespace_jwt_issuer::store::{Store, StoreError, Transaction, read};

/// A list, read page by page in one transaction. No page overlaps another or is shorter than it has
/// to be, behind the end there is nothing, and each page says how many items all of them have.
pub async fn all_pages<T: Send + 'static>(
    store: &dyn Store,
    list: impl Fn(&mut dyn Transaction, PageRequest) -> Result<Page<T>, StoreError> + Send + 'static,
) -> Vec<T> {
    all_pages_of(store, 2, list).await
}

/// The same with so many items on a page.
pub async fn all_pages_of<T: Send + 'static>(
    store: &dyn Store,
    size: u32,
    list: impl Fn(&mut dyn Transaction, PageRequest) -> Result<Page<T>, StoreError> + Send + 'static,
) -> Vec<T> {
    let pages = read::<_, StoreError>(store, move |transaction| {
        let mut pages = Vec::new();
        for page in 1.. {
            let found = list(transaction, PageRequest { page, size })?;
            let is_last = found.items.is_empty();
            pages.push(found);
            if is_last {
                break;
            }
        }
        pages.push(list(transaction, PageRequest { page: u32::MAX, size: 100 })?);
        Ok(pages)
    });
    let pages = pages.await.unwrap();
    let totals: Vec<_> = pages.iter().map(|page| page.total).collect();
    let sizes: Vec<_> = pages.iter().map(|page| page.items.len()).collect();
    let items: Vec<_> = pages.into_iter().flat_map(|page| page.items).collect();
    let expected = items.chunks(size as usize).map(<[T]>::len).chain([0, 0]);
    assert_eq!(sizes, expected.collect::<Vec<_>>());
    assert!(totals.iter().all(|total| *total == items.len() as u64), "{totals:?} {sizes:?}");
    items
}

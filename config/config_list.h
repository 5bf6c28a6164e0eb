// What the lists of a struct config have in common: order, comparison, copy and free of their
// items. Inside config/ only; config_lists[] is indexed by enum config_kind.
#ifndef VIGIL_CONFIG_CONFIG_LIST_H
#define VIGIL_CONFIG_CONFIG_LIST_H

#include "config.h"
#include "sorted.h"

struct config_list {
	size_t items, n; // offsets in struct config
	size_t size;     // bytes of an item
	int (*compare)(const void *a, const void *b);
	bool (*equal)(const void *a, const void *b); // all but the key and `line`
	// Makes *item, a flat copy of another item, own what it points to. 0 or -ENOMEM; then
	// *item owns what was copied so far and nothing else. NULL = items point to nothing.
	int (*copy)(void *item);
	void (*clean)(void *item); // frees what the item points to; NULL = nothing
};

extern const struct config_list config_lists[CONFIG_LISTS];

struct sorted config_sorted(struct config *c, enum config_kind kind);
struct sorted config_acl_sorted(struct config_acl *acl);
// The order in a list: by number, and above its line what is remarked on it.
int config_acl_line_compare(const void *a, const void *b);
// Whether they say the same: all but `seq` and `line`.
bool config_acl_line_same(const struct config_acl_line *a, const struct config_acl_line *b);
// But for `line`.
bool config_acl_line_equal(const struct config_acl_line *a, const struct config_acl_line *b);
// The item with the key of `key`, or NULL.
void *config_list_find(const struct config *c, enum config_kind kind, const void *key);
// NULL when out of memory.
void *config_list_add(struct config *c, enum config_kind kind, const void *item);
void config_list_del(struct config *c, enum config_kind kind, void *item);
// `count` items side by side in a sorted list.
void config_list_del_range(struct config *c, enum config_kind kind, uint32_t index, uint32_t count);
// Sorts all lists for readers. 0 or -ENOMEM.
int config_seal(struct config *c);
bool config_enable_equal(const struct config *a, const struct config *b);
bool config_logging_equal(const struct config_logging *a, const struct config_logging *b);
bool config_platform_equal(const struct config_platform *a, const struct config_platform *b);
bool config_isakmp_equal(const struct config_isakmp *a, const struct config_isakmp *b);
bool config_ipsec_equal(const struct config_ipsec *a, const struct config_ipsec *b);

#endif

// Finding one of very many crypto map entries, so that a change of one costs no walk over all.
// Control core only.
#ifndef VIGIL_ENTRY_INDEX_H
#define VIGIL_ENTRY_INDEX_H

#include "types.h"

struct control;
struct crypto_entry;

// The entries of the list, in its order. Not valid: out of memory, or it is being made anew.
struct entry_index {
	struct crypto_entry **items;
	uint32_t n, room;
	bool valid, failed;
};

// Where an entry stands in the list.
struct entry_key {
	uint16_t iface;
	bool ipv6;
	uint32_t place; // flow_place()
};

// Makes it anew: each entry of the list is appended in turn, then it is valid.
void entry_index_start(struct control *c);
void entry_index_append(struct control *c, struct crypto_entry *e);
void entry_index_end(struct control *c);
void entry_index_fini(struct control *c);
// The entry, or NULL. *before is set to the entry in front of that place in the list, NULL = none.
// The index is valid.
struct crypto_entry *entry_index_find(const struct control *c, const struct entry_key *key,
                                      struct crypto_entry **before);
// An entry has come into the list, or is about to leave it. Nothing happens while the index is not
// valid.
void entry_index_add(struct control *c, struct crypto_entry *e);
void entry_index_del(struct control *c, const struct crypto_entry *e);

#endif

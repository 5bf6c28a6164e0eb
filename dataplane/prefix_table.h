// Prefixes of one address family to values, for many sets in one table: interfaces, VRFs. Addresses
// are 4 or 16 bytes in network order, by the table's family.
// [C] writes, [W] reads without locks; workers report quiescent states to the table's rte_rcu.
//
// For each prefix length in use there is one exact look-up in an rte_hash (lock-free readers, key
// slots reclaimed by rte_rcu). Not rte_fib: in DPDK 22.11 its readers see freed groups during an
// update. One add or delete is atomic for readers, several together are not: see policy.h.
#ifndef VIGIL_DATAPLANE_PREFIX_TABLE_H
#define VIGIL_DATAPLANE_PREFIX_TABLE_H

#include <rte_rcu_qsbr.h>
#include <stdbool.h>
#include <stdint.h>

#define PREFIX_LENGTHS 129u // of IPv6, 0 to 128; IPv4 has 33

struct prefix_table;

// A family of prefixes inside a table. Writer: control.
struct prefix_set {
	uint64_t lengths[3]; // bit n of all = some prefix of length n; each word atomic
	uint32_t id;         // part of the hash key
	uint32_t count[PREFIX_LENGTHS];
};

// `name` is unique in the process; `family` 4 or 6; at most `entries` prefixes in all sets
// together. NULL and errno.
struct prefix_table *prefix_table_create(const char *name, uint8_t family, uint32_t entries,
                                         struct rte_rcu_qsbr *qsbr);
// No reader may be left.
void prefix_table_destroy(struct prefix_table *t);

// A set without prefixes, under an id that no other has.
void prefix_table_set_init(struct prefix_table *t, struct prefix_set *set);

// The host bits of `addr` are ignored. 0, -EINVAL (length), -EEXIST, -ENOSPC.
int prefix_table_add(struct prefix_table *t, struct prefix_set *set, const uint8_t *addr,
                     uint8_t len, void *value);
// The same, but a prefix that is there gets the new value, at once for readers. 0, -EINVAL,
// -ENOSPC.
int prefix_table_set(struct prefix_table *t, struct prefix_set *set, const uint8_t *addr,
                     uint8_t len, void *value);
// Returns the value that was there, or NULL. Readers may use it until they are quiescent.
void *prefix_table_del(struct prefix_table *t, struct prefix_set *set, const uint8_t *addr,
                       uint8_t len);
// Exactly this prefix, or NULL.
void *prefix_table_get(const struct prefix_table *t, const struct prefix_set *set,
                       const uint8_t *addr, uint8_t len);

// [W] The values of all prefixes that contain addr, longest prefix first; returns how many.
unsigned prefix_table_match(const struct prefix_table *t, const struct prefix_set *set,
                            const uint8_t *addr, void *values[PREFIX_LENGTHS]);
// [W] The value of the longest prefix that contains addr, or NULL.
void *prefix_table_longest(const struct prefix_table *t, const struct prefix_set *set,
                           const uint8_t *addr);

#endif

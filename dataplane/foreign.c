// The hash of foreign SPIs. [C] adds and deletes, [W] looks up: lock-free, key slots reclaimed by
// rte_rcu. A reader must not allocate, wait or write.
#include "foreign.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_ip.h>
#include <rte_jhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

struct key {
	uint32_t spi, family;
	uint8_t destination[16]; // as in struct ip_addr
};

struct foreign {
	struct rte_hash *hash;
};

struct foreign *foreign_create(uint32_t entries, struct rte_rcu_qsbr *qsbr)
{
	struct rte_hash_rcu_config rcu = {.v = qsbr, .mode = RTE_HASH_QSBR_MODE_DQ};
	struct foreign *f = calloc(1, sizeof(*f));
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters params = {
		.name = name,
		.entries = entries < 64 ? 64 : entries,
		.key_len = sizeof(struct key),
		.hash_func = rte_jhash,
		.socket_id = SOCKET_ID_ANY,
		.extra_flag =
			RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};

	if (!f)
		return NULL;
	// Short: the hash makes names of rings from it, which DPDK cuts at 28 bytes.
	snprintf(name, sizeof(name), "foreign_%x", (unsigned)(uintptr_t)f);
	// Anybody may send SPIs: nobody must be able to aim at one bucket.
	secret_random(&params.hash_func_init_val, sizeof(params.hash_func_init_val));
	f->hash = rte_hash_create(&params);
	if (!f->hash || rte_hash_rcu_qsbr_add(f->hash, &rcu)) {
		errno = rte_errno;
		foreign_destroy(f);
		return NULL;
	}
	return f;
}

void foreign_destroy(struct foreign *f)
{
	if (!f)
		return;
	rte_hash_free(f->hash);
	free(f);
}

int foreign_add(struct foreign *f, uint32_t spi, const struct ip_addr *destination, uint32_t own,
                uint32_t *position)
{
	struct key key = {.spi = spi, .family = destination->family};
	int err;

	memcpy(key.destination, destination->bytes, sizeof(key.destination));
	if (rte_hash_lookup(f->hash, &key) >= 0)
		return -EEXIST;
	err = rte_hash_add_key_data(f->hash, &key, (void *)(uintptr_t)own);
	if (err)
		return err;
	*position = (uint32_t)rte_hash_lookup(f->hash, &key) + 1;
	return 0;
}

void foreign_del(struct foreign *f, uint32_t position)
{
	struct key key;
	void *found;

	if (rte_hash_get_key_with_position(f->hash, (int32_t)position - 1, &found))
		return;
	memcpy(&key, found, sizeof(key));
	rte_hash_del_key(f->hash, &key);
}

uint32_t foreign_find(const struct foreign *f, uint32_t spi, const void *ip)
{
	struct key key = {.spi = spi};
	const struct rte_ipv4_hdr *v4 = ip;
	const struct rte_ipv6_hdr *v6 = ip;
	void *own;

	key.family = v4->version_ihl >> 4;
	if (key.family == 4)
		memcpy(key.destination, &v4->dst_addr, sizeof(v4->dst_addr));
	else
		memcpy(key.destination, v6->dst_addr, sizeof(v6->dst_addr));
	return rte_hash_lookup_data(f->hash, &key, &own) < 0 ? 0 : (uint32_t)(uintptr_t)own;
}

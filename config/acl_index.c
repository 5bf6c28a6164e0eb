// See acl_index.h: a hash of what lines say. Any thread, for the list that it changes. Must not
// make a line fail: without memory the lines are compared one after the other.
#include "acl_index.h"

#include <stdlib.h>
#include <string.h>

#include "config_list.h"
#include "salt.h"

#define SMALL 32 // lines that are compared sooner than hashed

struct acl_slot {
	uint32_t hash, seq; // seq 0 = empty
};

struct acl_index {
	struct salt salt;
	uint32_t n, mask; // slots in use; their number - 1, a power of two - 1
	struct acl_slot slots[];
};

static uint64_t hash_end(const struct salt *salt, const struct config_acl_end *end, uint64_t seed)
{
	uint64_t key[SALT_WORDS];

	memcpy(key, end->address.bytes, 16);
	memcpy(key + 2, end->wildcard.bytes, 16);
	key[4] = seed ^ (uint64_t)end->op << 32 ^ (uint64_t)end->port_high << 16 ^ end->port;
	return salt_hash(salt, key, SALT_WORDS);
}

static uint32_t hash_line(const struct salt *salt, const struct config_acl_line *l)
{
	uint64_t h = hash_end(salt, &l->source, (uint64_t)l->action << 8 | l->protocol);

	return (uint32_t)hash_end(salt, &l->destination, h);
}

static void put(struct acl_index *x, const struct config_acl_line *l)
{
	uint32_t hash = hash_line(&x->salt, l), at = hash & x->mask;

	if (l->action == CONFIG_ACL_REMARK)
		return;
	while (x->slots[at].seq)
		at = (at + 1) & x->mask;
	x->slots[at] = (struct acl_slot){hash, l->seq};
	x->n++;
}

// Half of it stays empty until the list has doubled.
static struct acl_index *make(const struct config_acl *acl)
{
	struct acl_index *x;
	uint32_t size = 4;

	while (size < 4 * (uint64_t)acl->n_lines)
		size *= 2;
	x = calloc(1, sizeof(*x) + (size_t)size * sizeof(x->slots[0]));
	if (!x)
		return NULL;
	salt_init(&x->salt);
	x->mask = size - 1;
	for (uint32_t i = 0; i < acl->n_lines; i++)
		put(x, &acl->lines[i]);
	return x;
}

static const struct config_acl_line *scan(const struct config_acl *acl,
                                          const struct config_acl_line *line)
{
	for (uint32_t i = 0; i < acl->n_lines; i++)
		if (config_acl_line_same(&acl->lines[i], line))
			return &acl->lines[i];
	return NULL;
}

const struct config_acl_line *acl_index_find(struct config_acl *acl,
                                             const struct config_acl_line *line, bool more)
{
	struct sorted lines = config_acl_sorted(acl);
	struct acl_index *x = acl->index;
	uint32_t hash;

	if (!x && more && acl->n_lines >= SMALL)
		x = acl->index = make(acl);
	if (!x)
		return scan(acl, line);
	hash = hash_line(&x->salt, line);
	for (uint32_t at = hash & x->mask; x->slots[at].seq; at = (at + 1) & x->mask) {
		struct config_acl_line key = {.seq = x->slots[at].seq};
		const struct config_acl_line *l;

		if (x->slots[at].hash != hash)
			continue;
		l = sorted_find(&lines, &key);
		if (l && config_acl_line_same(l, line))
			return l;
	}
	return NULL;
}

void acl_index_note(struct config_acl *acl, const struct config_acl_line *line)
{
	struct acl_index *x = acl->index;

	if (x && x->n >= x->mask / 2)
		acl_index_drop(acl); // the next look-up makes a larger one
	else if (x)
		put(x, line);
}

void acl_index_drop(struct config_acl *acl)
{
	free(acl->index);
	acl->index = NULL;
}

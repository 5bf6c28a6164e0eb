// Addresses, prefixes and selectors as plain values. Any thread; touches nothing but its arguments.
#include "addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "salt.h"

unsigned addr_size(uint8_t family)
{
	return family == 4 ? 4 : family == 6 ? 16 : 0;
}

struct ip_addr addr_from_bytes(uint8_t family, const uint8_t *bytes)
{
	struct ip_addr a = {.family = family};

	memcpy(a.bytes, bytes, addr_size(family));
	return a;
}

struct ip_addr addr_v4(uint32_t host)
{
	uint32_t be = htonl(host);

	return addr_from_bytes(4, (const uint8_t *)&be);
}

uint32_t addr_v4_host(const struct ip_addr *a)
{
	uint32_t be;

	memcpy(&be, a->bytes, sizeof(be));
	return ntohl(be);
}

int addr_parse(const char *text, struct ip_addr *out)
{
	struct ip_addr a = {0};

	if (inet_pton(AF_INET, text, a.bytes) == 1)
		a.family = 4;
	else if (inet_pton(AF_INET6, text, a.bytes) == 1)
		a.family = 6;
	else
		return -EINVAL;
	*out = a;
	return 0;
}

const char *addr_format(const struct ip_addr *a, char out[ADDR_TEXT])
{
	if (!a->family || !inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->bytes, out, ADDR_TEXT))
		snprintf(out, ADDR_TEXT, "none");
	return out;
}

bool addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

int addr_compare(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a, b, sizeof(*a));
}

bool addr_is_zero(const struct ip_addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->bytes, zero, sizeof(zero)) == 0;
}

unsigned addr_common_bits(const struct ip_addr *a, const struct ip_addr *b)
{
	unsigned n = 0, bits = addr_size(a->family) * 8;

	while (n < bits && !((a->bytes[n / 8] ^ b->bytes[n / 8]) & 0x80 >> n % 8))
		n++;
	return n;
}

bool addr_is_link_local(const struct ip_addr *a)
{
	return a->family == 6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

static bool is_host_v6(const uint8_t b[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, low[15];

	if (b[0] == 0xff || memcmp(b, mapped, sizeof(mapped)) == 0)
		return false;
	return memcmp(b, low, sizeof(low)) != 0 || b[15] > 1;
}

bool addr_is_host(const struct ip_addr *a)
{
	if (a->family == 6)
		return is_host_v6(a->bytes);
	return a->family == 4 && a->bytes[0] != 0 && a->bytes[0] != 127 && a->bytes[0] < 224;
}

uint64_t addr_hash(const struct salt *salt, const struct ip_addr *a)
{
	uint64_t key[2];

	memcpy(key, a->bytes, sizeof(a->bytes));
	return salt_hash_more(salt, salt_hash(salt, key, 2), a->family);
}

uint64_t addr_pair_hash(const struct salt *salt, const struct ip_addr *a, const struct ip_addr *b,
                        uint16_t port)
{
	uint64_t key[5];

	memcpy(key, a->bytes, sizeof(a->bytes));
	memcpy(key + 2, b->bytes, sizeof(b->bytes));
	key[4] = (uint64_t)a->family << 32 | (uint64_t)b->family << 16 | port;
	return salt_hash(salt, key, 5);
}

struct ip_prefix prefix_make(const struct ip_addr *a, uint8_t len)
{
	struct ip_prefix p = {.addr = *a, .len = len};
	unsigned size = addr_size(a->family);

	for (unsigned i = 0; i < size; i++) {
		unsigned keep = len >= (i + 1) * 8 ? 8 : len > i * 8 ? len - i * 8 : 0;

		p.addr.bytes[i] &= (uint8_t)(0xff00 >> keep);
	}
	return p;
}

struct ip_prefix prefix_host(const struct ip_addr *a)
{
	return prefix_make(a, (uint8_t)(addr_size(a->family) * 8));
}

bool prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}

int prefix_compare(const struct ip_prefix *a, const struct ip_prefix *b)
{
	int order = addr_compare(&a->addr, &b->addr);

	return order ? order : (int)a->len - (int)b->len;
}

bool prefix_contains(const struct ip_prefix *p, const struct ip_addr *a)
{
	struct ip_prefix cut;

	if (p->addr.family != a->family)
		return false;
	cut = prefix_make(a, p->len);
	return addr_equal(&cut.addr, &p->addr);
}

bool prefix_covers(const struct ip_prefix *outer, const struct ip_prefix *inner)
{
	return outer->len <= inner->len && prefix_contains(outer, &inner->addr);
}

const char *prefix_format(const struct ip_prefix *p, char out[PREFIX_TEXT])
{
	char text[ADDR_TEXT];

	snprintf(out, PREFIX_TEXT, "%s/%u", addr_format(&p->addr, text), p->len);
	return out;
}

struct ip_addr prefix_mask(uint8_t len)
{
	return addr_v4(len ? (uint32_t)(0xffffffffu << (32 - len)) : 0);
}

int prefix_len_from_mask(const struct ip_addr *mask)
{
	uint32_t m = addr_v4_host(mask);
	int len = __builtin_popcount(m);

	if (mask->family != 4 || (len && m != 0xffffffffu << (32 - len)))
		return -EINVAL;
	return len;
}

struct ip_addr prefix_wildcard(uint8_t family, uint8_t len)
{
	struct ip_addr all = {.family = family};
	unsigned size = addr_size(family);
	struct ip_prefix mask;

	memset(all.bytes, 0xff, size);
	mask = prefix_make(&all, len);
	for (unsigned i = 0; i < size; i++)
		mask.addr.bytes[i] = (uint8_t)~mask.addr.bytes[i];
	return mask.addr;
}

int prefix_len_from_wildcard(const struct ip_addr *wildcard)
{
	unsigned bits = addr_size(wildcard->family) * 8, len = 0;
	struct ip_addr whole;

	while (len < bits && !(wildcard->bytes[len / 8] & 0x80 >> len % 8))
		len++;
	whole = prefix_wildcard(wildcard->family, (uint8_t)len);
	return bits && addr_equal(&whole, wildcard) ? (int)len : -EINVAL;
}

bool selector_equal(const struct selector *a, const struct selector *b)
{
	return prefix_equal(&a->local, &b->local) && prefix_equal(&a->remote, &b->remote) &&
	       a->proto == b->proto && a->local_port == b->local_port &&
	       a->remote_port == b->remote_port;
}

bool selector_covers(const struct selector *outer, const struct selector *inner)
{
	return prefix_covers(&outer->local, &inner->local) &&
	       prefix_covers(&outer->remote, &inner->remote) &&
	       (!outer->proto || outer->proto == inner->proto) &&
	       (!outer->local_port || outer->local_port == inner->local_port) &&
	       (!outer->remote_port || outer->remote_port == inner->remote_port);
}

uint64_t selector_hash(const struct salt *salt, const struct selector *s, uint64_t number)
{
	uint64_t key[5];

	memcpy(key, s->local.addr.bytes, 16);
	memcpy(key + 2, s->remote.addr.bytes, 16);
	key[4] = (uint64_t)s->local.addr.family << 56 | (uint64_t)s->local.len << 48 |
	         (uint64_t)s->remote.len << 40 | (uint64_t)s->proto << 32 |
	         (uint32_t)s->local_port << 16 | s->remote_port;
	return salt_hash_more(salt, salt_hash(salt, key, 5), number);
}

struct selector selector_mirror(const struct selector *s)
{
	return (struct selector){.local = s->remote,
	                         .remote = s->local,
	                         .proto = s->proto,
	                         .local_port = s->remote_port,
	                         .remote_port = s->local_port};
}

const char *selector_format(const struct selector *s, char out[SELECTOR_TEXT])
{
	char local[PREFIX_TEXT], remote[PREFIX_TEXT];

	snprintf(out, SELECTOR_TEXT, "%s port %u -> %s port %u proto %u",
	         prefix_format(&s->local, local), s->local_port, prefix_format(&s->remote, remote),
	         s->remote_port, s->proto);
	return out;
}

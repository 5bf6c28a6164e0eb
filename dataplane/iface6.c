// IPv6 addresses of an interface. [C] writes. New routes are there before old ones go, so that no
// packet takes a less specific way meanwhile. [W] Addresses are longer than a word: a count of
// changes says whether a reader saw one half of an old and one half of a new one.
#include "iface6.h"

#include <string.h>

#include "addr.h"
#include "ipv6.h"
#include "route.h"

static const struct dp_address6 *nth(const struct dp_iface_config *config, unsigned i)
{
	return config->up && i < config->n_addresses6 ? &config->addresses6[i] : NULL;
}

static bool has_address(const struct dp_iface_config *config, const struct ip_addr *addr)
{
	const struct dp_address6 *a;

	for (unsigned i = 0; (a = nth(config, i)); i++)
		if (addr_equal(&a->address, addr))
			return true;
	return false;
}

static bool has_network(const struct dp_iface_config *config, const struct ip_prefix *network)
{
	const struct dp_address6 *a;

	for (unsigned i = 0; (a = nth(config, i)); i++)
		if (prefix_equal(&a->network, network))
			return true;
	return false;
}

// Routes of `gone` that `kept` has no need of.
static void del(struct dp *dp, uint16_t iface, const struct dp_iface_config *gone,
                const struct dp_iface_config *kept)
{
	const struct dp_address6 *a;

	for (unsigned i = 0; (a = nth(gone, i)); i++) {
		struct ip_prefix host = prefix_host(&a->address);

		if (!has_network(kept, &a->network) && a->network.len < 128)
			route_iface_del(dp, &a->network, iface);
		if (has_address(kept, &a->address))
			continue;
		if (addr_is_link_local(&a->address))
			route_link_local_del(dp, iface, &a->address);
		else
			route_iface_del(dp, &host, iface);
	}
}

static int add_one(struct dp *dp, uint16_t iface, const struct dp_address6 *a)
{
	struct ip_prefix host = prefix_host(&a->address);
	int rc;

	// Link-local networks are on every interface and have no routes.
	if (addr_is_link_local(&a->address))
		return route_link_local_add(dp, iface, &a->address);
	rc = route_iface_add(dp, &host, iface, ROUTE_LOCAL);
	if (rc == 0 && a->network.len < 128)
		rc = route_iface_add(dp, &a->network, iface, ROUTE_CONNECTED);
	return rc;
}

int iface6_routes(struct dp *dp, uint16_t iface, const struct dp_iface_config *before,
                  const struct dp_iface_config *after)
{
	const struct dp_address6 *a;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && (a = nth(after, i)); i++)
		rc = add_one(dp, iface, a);
	if (rc)
		del(dp, iface, after, before);
	else
		del(dp, iface, before, after);
	return rc;
}

void dp_ipv6_routing(struct dp *dp, bool on)
{
	// Relaxed: it stands for itself.
	__atomic_store_n(&dp->ipv6_routing, on, __ATOMIC_RELAXED);
}

static enum iface6_kind kind_of(const uint8_t addr[16])
{
	if (ipv6_is_link_local(addr))
		return IFACE6_LINK_LOCAL;
	return (addr[0] & 0xfe) == 0xfc ? IFACE6_UNIQUE_LOCAL : IFACE6_GLOBAL;
}

// The first address of a kind; all zero = none.
static void first_of(const struct dp_iface_config *config, enum iface6_kind kind, uint64_t out[2])
{
	const struct dp_address6 *a;

	out[0] = out[1] = 0;
	for (unsigned i = 0; (a = nth(config, i)); i++) {
		if (kind_of(a->address.bytes) != kind)
			continue;
		memcpy(out, a->address.bytes, 16);
		return;
	}
}

void iface6_publish(struct iface *iface)
{
	struct iface_address6 *own = &iface->own6;
	uint64_t words[IFACE6_KINDS][2];

	for (unsigned i = 0; i < IFACE6_KINDS; i++)
		first_of(&iface->config, (enum iface6_kind)i, words[i]);
	if (memcmp(words, own->words, sizeof(words)) == 0)
		return;
	__atomic_store_n(&own->changes, own->changes + 1, __ATOMIC_RELAXED);
	// Release: an odd count is seen before any new word; the words before the even one.
	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (unsigned i = 0; i < 2 * IFACE6_KINDS; i++)
		__atomic_store_n(&own->words[i / 2][i % 2], words[i / 2][i % 2], __ATOMIC_RELAXED);
	__atomic_store_n(&own->changes, own->changes + 1, __ATOMIC_RELEASE);
}

static bool address_of_kind(const struct iface *iface, enum iface6_kind kind, uint8_t out[16])
{
	const struct iface_address6 *own = &iface->own6;
	uint32_t before = __atomic_load_n(&own->changes, __ATOMIC_ACQUIRE);
	uint64_t words[2];

	for (unsigned i = 0; i < 2; i++)
		words[i] = __atomic_load_n(&own->words[kind][i], __ATOMIC_RELAXED);
	// Acquire: the words were read before the count is read again.
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (before & 1 || __atomic_load_n(&own->changes, __ATOMIC_RELAXED) != before)
		return false;
	memcpy(out, words, 16);
	return words[0] | words[1];
}

bool iface6_address(const struct iface *iface, const uint8_t dst[16], uint8_t out[16])
{
	enum iface6_kind kind = kind_of(dst);

	if (address_of_kind(iface, kind, out))
		return true;
	return kind != IFACE6_LINK_LOCAL &&
	       address_of_kind(iface, kind == IFACE6_GLOBAL ? IFACE6_UNIQUE_LOCAL : IFACE6_GLOBAL,
	                       out);
}

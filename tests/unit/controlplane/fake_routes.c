// The fake dataplane: interfaces' addresses, routes and neighbours.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "fake_dp.h"

void dp_iface_mac(const struct dp *dp, uint16_t iface, uint8_t mac[6])
{
	const uint8_t own[6] = {2, 0, 0, 0, 0, (uint8_t)iface};

	(void)dp;
	memcpy(mac, own, sizeof(own));
}

uint16_t dp_iface_mtu_max(const struct dp *dp, uint16_t iface)
{
	(void)dp;
	(void)iface;
	return 9216;
}

struct fake_route *fake_dp_route(struct dp *dp, const struct ip_prefix *prefix)
{
	for (unsigned i = 0; i < FAKE_ROUTES; i++)
		if (dp->routes[i].used && prefix_equal(&dp->routes[i].prefix, prefix))
			return &dp->routes[i];
	return NULL;
}

static int put(struct dp *dp, const struct fake_route *new)
{
	struct fake_route *r = fake_dp_route(dp, &new->prefix);

	for (unsigned i = 0; i < FAKE_ROUTES && !r; i++)
		if (!dp->routes[i].used)
			r = &dp->routes[i];
	if (!r)
		return -ENOSPC;
	*r = *new;
	dp->route_changes++;
	if (dp->watch_routes)
		dp->watch_routes(dp, false);
	return 0;
}

int dp_route_add(struct dp *dp, const struct ip_prefix *prefix, const struct ip_addr *gateway,
                 uint16_t iface)
{
	const struct fake_route r = {
		.used = true, .prefix = *prefix, .gateway = *gateway, .iface = iface};

	return put(dp, &r);
}

int dp_route_discard(struct dp *dp, const struct ip_prefix *prefix)
{
	const struct fake_route r = {.used = true, .prefix = *prefix, .discards = true};

	return put(dp, &r);
}

void dp_route_del(struct dp *dp, const struct ip_prefix *prefix)
{
	struct fake_route *r = fake_dp_route(dp, prefix);

	if (r)
		r->used = false;
	dp->route_changes += r != NULL;
	if (dp->watch_routes)
		dp->watch_routes(dp, false);
}

int dp_route_find(const struct dp *dp, const struct ip_addr *dst, uint16_t *iface,
                  struct ip_addr *next_hop, struct ip_addr *source)
{
	*iface = 0;
	*next_hop = *dst;
	*source = dp->ifaces[0].address;
	return dp->unreachable ? -EHOSTUNREACH : 0;
}

int dp_neighbour_set(struct dp *dp, uint16_t iface, const struct ip_addr *addr,
                     const uint8_t mac[6])
{
	int slot = -1;

	(void)iface;
	if (dp->watch_neighbours) {
		dp->watch_neighbours(addr, true);
		return 0;
	}
	for (int i = FAKE_NEIGH - 1; i >= 0; i--)
		if (!dp->neighbours[i].used || addr_equal(&dp->neighbours[i].addr, addr))
			slot = i;
	if (slot < 0)
		return -ENOSPC;
	dp->neighbours[slot].used = true;
	dp->neighbours[slot].addr = *addr;
	memcpy(dp->neighbours[slot].mac, mac, 6);
	return 0;
}

void dp_neighbour_del(struct dp *dp, uint16_t iface, const struct ip_addr *addr)
{
	(void)iface;
	if (dp->watch_neighbours)
		dp->watch_neighbours(addr, false);
	for (unsigned i = 0; i < FAKE_NEIGH; i++)
		if (dp->neighbours[i].used && addr_equal(&dp->neighbours[i].addr, addr))
			dp->neighbours[i].used = false;
}

int dp_lost_networks(struct dp *dp, const struct dp_range *ranges, uint32_t n)
{
	if (n > FAKE_ROUTES)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		if (addr_compare(&ranges[i].first, &ranges[i].last) > 0 ||
		    (i && addr_compare(&ranges[i - 1].last, &ranges[i].first) >= 0))
			abort();
		dp->lost[i] = ranges[i];
	}
	dp->n_lost = n;
	return 0;
}

bool fake_dp_is_lost(const struct dp *dp, const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < dp->n_lost; i++)
		if (addr_compare(&dp->lost[i].first, addr) <= 0 &&
		    addr_compare(addr, &dp->lost[i].last) <= 0)
			return true;
	return false;
}

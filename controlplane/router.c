// Tells the hosts of a link of this router: three times soon after something has changed, then now
// and then, and when one asks. Control core only. Must not be sent from an address that may be
// somebody else's.
#include "router.h"

#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "config.h"
#include "control.h"
#include "mld_message.h"
#include "nd.h"
#include "renewal.h"
#include "router_message.h"
#include "wheel.h"

// RFC 4861, 10
#define INITIAL_ADVERTS  3
#define INITIAL_INTERVAL ticks_from_seconds(16)
#define BETWEEN          ticks_from_seconds(3)
#define ANSWER_DELAY     ticks_from_ms(500)

struct router_iface {
	struct router_iface *next;
	struct wheel_timer timer;  // the next advertisement is due
	struct wheel_timer answer; // a query for listeners is to be answered
	bool version1;             // ... as RFC 2710 has it
	struct ip_addr src;        // our link-local address there
	tick_t sent_at;
	uint16_t iface;
	uint8_t initial; // advertisements that are still to come at the pace of the start
	bool sent;       // one ever, at sent_at
	bool told;       // hosts use us, for all that we know
};

static const struct ip_addr all_routers = {.family = 6, .bytes = {0xff, 2, [15] = 2}}; // ff02::2

static struct router_iface **find(struct control *c, uint16_t iface)
{
	struct router_iface **link = &c->routers;

	while (*link && (*link)->iface != iface)
		link = &(*link)->next;
	return link;
}

// The interface's configuration, if it may route there now.
static const struct config_interface *routes(const struct control *c, uint16_t iface)
{
	const struct config_interface *i;

	if (iface >= c->n_ports || c->link_down[iface] || !c->config->ipv6_unicast_routing)
		return NULL;
	i = config_find_interface(c->config, c->ports[iface]);
	return i && config_interface_up(c->config, i) && config_has_ipv6(i) ? i : NULL;
}

// ---- what is said ----------------------------------------------------------------------------

static void add_prefix(struct router_advert *a, const struct config_interface *i,
                       const struct ip_prefix *prefix)
{
	const struct config_advert_prefix says = config_advert_prefix(i, prefix);

	for (unsigned k = 0; k < a->n_prefixes; k++)
		if (prefix_equal(&a->prefixes[k].prefix, prefix))
			return;
	if (says.hidden || a->n_prefixes == ROUTER_PREFIXES)
		return;
	// RFC 4862, 5.5.3: hosts make addresses of half their own.
	a->prefixes[a->n_prefixes++] =
		(struct router_prefix){.prefix = *prefix,
	                               .valid = says.valid,
	                               .preferred = says.preferred,
	                               .on_link = !says.off_link,
	                               .autoconfig = !says.no_autoconfig && prefix->len == 64};
}

// The networks of addresses that are in use here, and those that have a line.
static void add_prefixes(struct control *c, uint16_t iface, const struct config_interface *i,
                         struct router_advert *a)
{
	struct config_address6 six[CONFIG_ADDRESSES6];
	unsigned n = config_addresses6(i, a->from, six);

	for (unsigned k = 0; k < n; k++) {
		struct ip_prefix net = prefix_make(&six[k].addr, six[k].prefix_len);

		if (!six[k].link_local && net.len < 128 && nd_is_usable(c, iface, &six[k].addr))
			add_prefix(a, i, &net);
	}
	for (uint32_t k = 0; k < i->n_advert_prefixes; k++)
		if (i->advert_prefixes[k].prefix.addr.family)
			add_prefix(a, i, &i->advert_prefixes[k].prefix);
}

static void transmit(struct control *c, struct router_iface *r, const struct router_advert *a)
{
	uint8_t frame[ROUTER_FRAME];
	size_t len = router_advert_write(a, frame);

	dp_frame_send(c->dp, r->iface, frame, (uint16_t)len);
}

// What is in force may be less than what is configured, see dp_iface_set().
static uint16_t mtu_of(const struct control *c, uint16_t iface, const struct config_interface *i)
{
	uint16_t wanted = config_interface_mtu6(c->config, i), now = dp_iface_mtu6(c->dp, iface);

	return now >= CONFIG_MTU6_MIN && now < wanted ? now : wanted;
}

static void advertise(struct control *c, struct router_iface *r, const struct config_interface *i)
{
	const struct config_advert says = config_advert(i);
	struct router_advert a = {.src = r->src,
	                          .lifetime = says.lifetime,
	                          .managed = says.managed,
	                          .other = says.other,
	                          .preference = (uint8_t)says.preference,
	                          .mtu = mtu_of(c, r->iface, i)};

	dp_iface_mac(c->dp, r->iface, a.from);
	add_prefixes(c, r->iface, i, &a);
	transmit(c, r, &a);
	r->sent = true;
	r->sent_at = c->now;
	r->told = r->told || says.lifetime;
}

// RFC 4861, 6.2.5: hosts look for another router at once.
static void say_goodbye(struct control *c, struct router_iface *r)
{
	struct router_advert a = {.src = r->src, .mtu = CONFIG_MTU6_MIN};
	const struct config_interface *i = config_find_interface(c->config, c->ports[r->iface]);

	if (!r->told)
		return;
	if (i)
		a.mtu = mtu_of(c, r->iface, i);
	dp_iface_mac(c->dp, r->iface, a.from);
	transmit(c, r, &a);
	r->told = false;
}

// ---- when ------------------------------------------------------------------------------------

static void fire(void *ctx, struct wheel_timer *t);

// One is sent within `delay` ticks at random, or later if the last was sent just now; never later
// than was planned.
static void plan(struct control *c, struct router_iface *r, tick_t delay)
{
	tick_t at = c->now + 1 + renewal_jitter(delay);

	if (r->sent && c->now - r->sent_at < BETWEEN && tick_before(at, r->sent_at + BETWEEN))
		at = r->sent_at + BETWEEN;
	if (wheel_is_armed(&r->timer) && tick_diff(r->timer.expires, at) <= 0)
		return;
	wheel_arm(&c->wheel, &r->timer, at, fire);
}

static void plan_next(struct control *c, struct router_iface *r, const struct config_interface *i)
{
	const struct config_advert says = config_advert(i);
	tick_t shortest = ticks_from_ms(says.interval_min);
	tick_t wait = shortest + renewal_jitter(ticks_from_ms(says.interval) - shortest + 1);

	if (r->initial) {
		r->initial--;
		wait = wait < INITIAL_INTERVAL ? wait : INITIAL_INTERVAL;
	}
	wheel_arm(&c->wheel, &r->timer, c->now + wait, fire);
}

static void fire(void *ctx, struct wheel_timer *t)
{
	struct router_iface *r = container_of(t, struct router_iface, timer);
	struct control *c = ctx;
	const struct config_interface *i = routes(c, r->iface);

	if (!i || i->advert.when == CONFIG_ADVERT_NEVER)
		return;
	advertise(c, r, i);
	if (i->advert.when == CONFIG_ADVERT_ALWAYS)
		plan_next(c, r, i);
}

void router_solicited(struct control *c, uint16_t iface)
{
	struct router_iface *r = *find(c, iface);
	const struct config_interface *i = routes(c, iface);

	if (r && i && i->advert.when != CONFIG_ADVERT_NEVER)
		plan(c, r, ANSWER_DELAY);
}

// ---- listeners -------------------------------------------------------------------------------

// RFC 4861, 6.2.2: routers listen to the group of all routers; switches want to hear so.
static void report(struct control *c, const struct router_iface *r, bool starts, bool version1)
{
	nd_report(c, r->iface, &all_routers, starts, version1);
}

static void answer_query(void *ctx, struct wheel_timer *t)
{
	struct router_iface *r = container_of(t, struct router_iface, answer);

	report(ctx, r, false, r->version1);
}

void router_query(struct control *c, uint16_t iface, const struct mld_query *q)
{
	struct router_iface *r = *find(c, iface);

	if (!r || wheel_is_armed(&r->answer) ||
	    (!addr_is_zero(&q->group) && !addr_equal(&q->group, &all_routers)))
		return;
	r->version1 = q->version1;
	wheel_arm(&c->wheel, &r->answer, c->now + 1 + renewal_jitter(nd_answer_within(q)),
	          answer_query);
}

void router_announce(struct control *c, uint16_t iface)
{
	struct router_iface *r = *find(c, iface);

	if (r)
		report(c, r, true, false);
}

// ---- coming and going ------------------------------------------------------------------------

static void drop(struct control *c, struct router_iface **link)
{
	struct router_iface *r = *link;

	*link = r->next;
	wheel_cancel(&c->wheel, &r->timer);
	wheel_cancel(&c->wheel, &r->answer);
	free(r);
}

static struct router_iface *make(struct control *c, uint16_t iface)
{
	struct router_iface *r = calloc(1, sizeof(*r));

	if (!r) {
		log_msg(&c->log, LOG_ERROR, "IPV6_ND", "NO_MEMORY", "Out of memory");
		return NULL;
	}
	r->iface = iface;
	r->next = c->routers;
	c->routers = r;
	return r;
}

void router_sync(struct control *c, uint16_t iface)
{
	struct router_iface *r = *find(c, iface);
	const struct config_interface *i = routes(c, iface);
	const struct ip_addr *src = i ? nd_link_local(c, iface) : NULL;

	if (!src || c->stopping) {
		router_leave(c, iface);
		return;
	}
	if (!r) {
		r = make(c, iface);
		if (!r)
			return;
		r->src = *src;
		report(c, r, true, false);
	}
	if (!addr_equal(&r->src, src) || i->advert.when == CONFIG_ADVERT_NEVER)
		say_goodbye(c, r); // from the address that hosts know
	r->src = *src;
	if (i->advert.when != CONFIG_ADVERT_ALWAYS) {
		wheel_cancel(&c->wheel, &r->timer);
		return;
	}
	r->initial = INITIAL_ADVERTS;
	plan(c, r, ANSWER_DELAY);
}

void router_leave(struct control *c, uint16_t iface)
{
	struct router_iface **link = find(c, iface);

	if (!*link)
		return;
	say_goodbye(c, *link);
	drop(c, link);
}

void router_stop(struct control *c)
{
	while (c->routers)
		router_leave(c, c->routers->iface);
}

void router_destroy(struct control *c)
{
	while (c->routers)
		drop(c, &c->routers);
}

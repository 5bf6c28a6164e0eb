// See pair.h.
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "apply.h"
#include "dh_pool.h"
#include "fake_control.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "load.h"
#include "neighbour.h"
#include "peer_timers.h"
#include "teardown.h"

#define PAIR_TEXT     (1u << 18) // bytes
#define NETWORK_DELAY ticks_from_ms(200)
#define NETWORK_FAR   ticks_from_ms(30)

static const char base[] = "hostname %s\n"
			   "platform\n"
			   " port FastEthernet0 net_null0\n"
			   "%s\n"
			   "%s\n"
			   "crypto ipsec transform-set ts %s\n"
			   "%s\n"
			   "crypto map m 1 ipsec-isakmp\n"
			   " set peer %s\n"
			   " set transform-set ts\n"
			   " match address %s\n"
			   "%s\n"
			   "interface FastEthernet0\n"
			   " %s %s%s\n"
			   " crypto map m\n"
			   "%s\n";

static const char acl_a[] = "ip access-list extended 101\n"
			    " permit ip 10.1.0.0 0.0.0.255 10.2.0.0 0.0.0.255";
static const char acl_b[] = "ip access-list extended 101\n"
			    " permit ip 10.2.0.0 0.0.0.255 10.1.0.0 0.0.0.255";
static const char acl6_a[] = "ipv6 access-list SIX\n permit ipv6 2001:db8:a::/48 2001:db8:b::/48";
static const char acl6_b[] = "ipv6 access-list SIX\n permit ipv6 2001:db8:b::/48 2001:db8:a::/48";
static const char default_key[] = "crypto isakmp key secret address 0.0.0.0 0.0.0.0\n"
				  "crypto isakmp key secret address ipv6 ::/0";

static const char default_policies[] = "crypto isakmp policy 10\n"
				       " encryption aes 256\n"
				       " hash sha256\n"
				       " authentication pre-share\n"
				       " group 19\n";

static void sink(void *arg, enum log_level level, const char *line)
{
	struct side *s = arg;

	(void)level;
	snprintf(s->lines[s->n_lines++ % PAIR_LINES], LOG_LINE_MAX, "%s", line);
	if (getenv("PAIR_TRACE"))
		print_message("%u %s: %s\n", fake_now, s->local, line);
}

static const char *or_default(const char *s, const char *instead)
{
	return s ? s : instead;
}

static struct config *load(const struct side *s, const struct pair_config *pc)
{
	static const struct pair_config none;
	const char *acl;
	struct config *config = NULL;
	struct diag_list diags;
	char *text = calloc(1, PAIR_TEXT);

	pc = pc ? pc : &none;
	acl = s->is_a ? (pc->inner6 ? acl6_a : acl_a) : (pc->inner6 ? acl6_b : acl_b);
	snprintf(text, PAIR_TEXT, base, s->is_a ? "gw-a" : "gw-b",
	         or_default(pc->policies, default_policies), or_default(pc->key, default_key),
	         or_default(pc->set, "esp-aes esp-sha256-hmac"), or_default(pc->rest, ""),
	         s->remote, pc->inner6 ? "SIX" : "101", or_default(pc->entry, ""),
	         pc->outer6 ? "ipv6 address" : "ip address", s->local,
	         pc->outer6 ? "/64" : " 255.255.255.0", or_default(pc->acl, acl));
	load_text("test", text, strlen(text), &config, &diags);
	free(text);
	for (uint32_t i = 0; i < diags.n; i++)
		if (diags.items[i].severity == DIAG_ERROR)
			print_error("%u: %s\n", diags.items[i].line, diags.items[i].message);
	diag_fini(&diags);
	assert_non_null(config);
	return config;
}

static void side_start(struct side *s, const struct pair_config *pc)
{
	struct control *c = &s->c;

	*c = (struct control){.log = {.sink = sink, .arg = s, .debug_isakmp = true}};
	c->config = load(s, pc);
	c->dp = fake_dp_create();
	c->dp->next_spi += s->is_a ? 0 : 0x1000000;
	c->now = c->heard_until = fake_now;
	c->restarted = fake_now - 1;
	c->next_conn_id = 1001;
	wheel_init(&c->wheel, fake_now);
	fake_control_tables(c);
	c->dh = dh_pool_create(1, 16);
	assert_non_null(c->dh);
	assert_int_equal(ike1_start(c), 0);
	assert_int_equal(apply_start(c), 0);
}

static void side_free(struct side *s)
{
	struct control *c = &s->c;

	ike1_stop(c);
	dh_pool_destroy(c->dh);
	fake_control_free(c);
	config_free(c->config);
	fake_dp_destroy(c->dp);
}

struct pair *pair_create(const struct pair_config *a, const struct pair_config *b)
{
	struct pair *p = calloc(1, sizeof(*p));

	fake_now = 0xfffffe00u; // the clock wraps early in each test
	p->a.is_a = true;
	p->a.local = p->b.remote = a && a->outer6 ? ADDR6_A : ADDR_A;
	p->b.local = p->a.remote = a && a->outer6 ? ADDR6_B : ADDR_B;
	p->a.lines = calloc(PAIR_LINES, LOG_LINE_MAX);
	p->b.lines = calloc(PAIR_LINES, LOG_LINE_MAX);
	p->network = network_good;
	side_start(&p->a, a);
	side_start(&p->b, b);
	return p;
}

static bool tear_down(struct peer *peer, void *arg)
{
	teardown_peer(arg, peer);
	return true;
}

static void side_check_empty(struct side *s)
{
	struct control *c = &s->c;

	assert_int_equal(c->peers.used, 0);
	assert_int_equal(c->ike_sas.used, 0);
	assert_int_equal(c->children.used, 0);
	assert_int_equal(c->half_open, 0);
	assert_int_equal(c->stranger_peers, 0);
	assert_int_equal(c->strangers.n + c->claims.n, 0);
	apply_stop(c);
	assert_true(fake_dp_is_empty(c->dp));
	assert_int_equal(c->wheel.armed, 0);
}

void pair_destroy(struct pair *p)
{
	p->a.c.stopping = p->b.c.stopping = true;
	peer_for_each(&p->a.c, tear_down, &p->a.c);
	pair_settle(p);
	peer_for_each(&p->b.c, tear_down, &p->b.c);
	pair_pass(p, 60 * S);
	side_check_empty(&p->a);
	side_check_empty(&p->b);
	side_free(&p->a);
	side_free(&p->b);
	free(p->a.lines);
	free(p->b.lines);
	for (unsigned i = 0; i < PAIR_DELAYS; i++)
		free(p->delayed[i].d);
	free(p);
}

// What was allocated outside of the slabs goes through the front door; nobody hears of it.
void pair_restart(struct pair *p, struct side *s, const struct pair_config *config)
{
	struct fake_datagram *d;

	(void)p;
	s->c.stopping = true;
	peer_for_each(&s->c, tear_down, &s->c);
	for (unsigned i = 0; i < 10; i++) {
		struct dp_event events[64];
		unsigned n = dp_events(s->c.dp, events, 64);

		for (unsigned j = 0; j < n; j++)
			if (events[j].kind == DP_EVENT_SA_GONE)
				child_sa_gone(&s->c, events[j].sa);
	}
	apply_stop(&s->c);
	while ((d = fake_dp_take(s->c.dp)))
		free(d);
	side_free(s);
	side_start(s, config);
}

static void side_input(struct side *s)
{
	struct dp_view views[16];
	unsigned n;

	for (enum dp_punt class = DP_PUNT_IKE_ESTABLISHED; class <= DP_PUNT_IKE_NEW; class ++)
		while ((n = dp_punt_recv(s->c.dp, class, views, 16))) {
			for (unsigned i = 0; i < n; i++)
				ike1_input(&s->c, &views[i]);
			dp_punt_release(s->c.dp, views, n);
		}
}

// One turn as in loop.c; every Diffie-Hellman job is waited for.
static void side_turn(struct side *s)
{
	struct control *c = &s->c;
	struct dp_event events[64];
	unsigned n;

	c->now = c->heard_until = fake_now;
	n = dp_events(c->dp, events, 64);
	for (unsigned i = 0; i < n; i++) {
		struct flow *f = flow_of(c, events[i].tunnel);

		if (events[i].kind == DP_EVENT_ACQUIRE && f)
			flow_acquire(c, f);
		else if (events[i].kind == DP_EVENT_DOUBT && f && f->child)
			on_doubt(c, f->child->peer);
		else if (events[i].kind == DP_EVENT_SA_GONE)
			child_sa_gone(c, events[i].sa);
	}
	side_input(s);
	ike1_send_kept(c);
	ike1_admit(c);
	while (dh_pool_pending(c->dh)) {
		while (ike1_dh_done(c))
			;
		if (dh_pool_pending(c->dh))
			usleep(50);
	}
	wheel_run(&c->wheel, c->now, 1000, c);
	teardown_step(c);
}

void side_receive(struct side *s, const struct fake_datagram *d)
{
	fake_dp_deliver(s->c.dp, d);
}

static bool side_send(struct pair *p, struct side *from, struct side *to)
{
	struct fake_datagram *d;
	bool moved = false;

	while ((d = fake_dp_take(from->c.dp))) {
		unsigned copies = p->network(p, d, from == &p->a);

		p->sent++;
		moved = true;
		while (copies--)
			fake_dp_deliver(to->c.dp, d);
		free(d);
	}
	return moved;
}

static bool deliver_delayed(struct pair *p)
{
	bool moved = false;

	for (unsigned i = 0; i < PAIR_DELAYS; i++) {
		if (!p->delayed[i].d || tick_before(fake_now, p->delayed[i].when))
			continue;
		fake_dp_deliver(p->delayed[i].to_b ? p->b.c.dp : p->a.c.dp, p->delayed[i].d);
		free(p->delayed[i].d);
		p->delayed[i].d = NULL;
		moved = true;
	}
	return moved;
}

void pair_settle(struct pair *p)
{
	bool moved = true;

	for (unsigned i = 0; moved && i < 1000; i++) {
		side_turn(&p->a);
		side_turn(&p->b);
		moved = side_send(p, &p->a, &p->b);
		moved |= side_send(p, &p->b, &p->a);
		moved |= deliver_delayed(p);
		moved |= fake_dp_has_events(p->a.c.dp) || fake_dp_has_events(p->b.c.dp);
	}
	assert_false(moved);
}

void pair_pass(struct pair *p, tick_t ticks)
{
	while (ticks--) {
		fake_now++;
		pair_settle(p);
	}
}

bool side_packet(struct side *s, struct fake_sa **sa)
{
	return fake_dp_packet(s->c.dp, fake_dp_tunnel(s->c.dp), sa);
}

unsigned side_packets(struct side *s)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < FAKE_TUNNELS; i++) {
		const struct fake_tunnel *t = &s->c.dp->tunnels[i];

		n += t->used && fake_dp_packet(s->c.dp, (struct handle){i, t->generation}, NULL);
	}
	return n;
}

void pair_up(struct pair *p)
{
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_true(side_packet(&p->a, NULL));
	assert_true(side_packet(&p->b, NULL));
	assert_true(side_reaches(&p->a, &p->b));
	assert_true(side_reaches(&p->b, &p->a));
}

bool side_reaches(const struct side *from, const struct side *to)
{
	struct fake_sa *out = NULL;

	if (!fake_dp_packet(from->c.dp, fake_dp_tunnel(from->c.dp), &out))
		return false;
	for (unsigned i = 0; i < FAKE_SAS; i++) {
		const struct fake_sa *in = &to->c.dp->sas[i];

		if (!in->used || !in->live || !in->inbound || in->spi != out->spi)
			continue;
		return in->spec.cipher == out->spec.cipher && in->spec.auth == out->spec.auth &&
		       in->spec.encap == out->spec.encap && in->spec.esn == out->spec.esn &&
		       in->spec.key_len == out->spec.key_len &&
		       memcmp(in->spec.key, out->spec.key, SA_KEY_MAX) == 0 &&
		       memcmp(in->spec.salt, out->spec.salt, SA_SALT_MAX) == 0 &&
		       memcmp(in->spec.auth_key, out->spec.auth_key, SA_AUTH_KEY_MAX) == 0 &&
		       fake_dp_esp_in(to->c.dp, in->spi);
	}
	return false;
}

struct peer *side_peer(const struct side *s)
{
	struct ip_addr local, remote;

	addr_parse(s->local, &local);
	addr_parse(s->remote, &remote);
	return peer_find(&s->c, &local, &remote, 500);
}

struct ike_sa *side_sa(const struct side *s)
{
	struct peer *peer = side_peer(s);

	return peer ? peer_ike_sa(peer) : NULL;
}

struct child *side_child(const struct side *s)
{
	struct peer *peer = side_peer(s);

	return peer ? peer->children : NULL;
}

unsigned side_logged(const struct side *s, const char *text)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PAIR_LINES && i < s->n_lines; i++)
		n += strstr(s->lines[i], text) != NULL;
	return n;
}

bool side_logged_in_order(const struct side *s, const char *const *lines)
{
	unsigned i = 0;

	for (; *lines; lines++) {
		while (i < s->n_lines && i < PAIR_LINES && !strstr(s->lines[i], *lines))
			i++;
		if (i == s->n_lines) {
			print_error("missing: %s\n", *lines);
			return false;
		}
		i++;
	}
	return true;
}

void side_forget_log(struct side *s)
{
	s->n_lines = 0;
}

// One turn of A alone: its first message waits to be taken.
void pair_first_message(uint8_t *out, size_t *len)
{
	struct pair *p = pair_create(NULL, NULL);

	p->network = network_is_cut;
	flow_acquire(&p->a.c, flow_of(&p->a.c, fake_dp_tunnel(p->a.c.dp)));
	memcpy(out, p->a.c.dp->sent->data, p->a.c.dp->sent->len);
	*len = p->a.c.dp->sent->len;
	pair_destroy(p);
}

struct fake_datagram pair_from_a(const void *data, size_t len)
{
	struct fake_datagram d = {.src_port = 500, .dst_port = 500, .len = (uint16_t)len};

	addr_parse(ADDR_A, &d.src);
	addr_parse(ADDR_B, &d.dst);
	memcpy(d.data, data, len);
	return d;
}

unsigned network_is_cut(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)p;
	(void)d;
	(void)from_a;
	return 0;
}

unsigned network_good(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)p;
	(void)d;
	(void)from_a;
	return 1;
}

unsigned network_loses_one(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)d;
	(void)from_a;
	return p->sent == p->target ? 0 : 1;
}

unsigned network_repeats_one(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)d;
	(void)from_a;
	return p->sent == p->target ? 2 : 1;
}

// Queues a copy; false: no room.
static bool delay(struct pair *p, const struct fake_datagram *d, bool to_b, tick_t by)
{
	for (unsigned i = 0; i < PAIR_DELAYS; i++) {
		if (p->delayed[i].d)
			continue;
		p->delayed[i].d = malloc(sizeof(*d));
		*p->delayed[i].d = *d;
		p->delayed[i].to_b = to_b;
		p->delayed[i].when = fake_now + by;
		return true;
	}
	return false;
}

unsigned network_delays_one(struct pair *p, struct fake_datagram *d, bool from_a)
{
	return p->sent == p->target && delay(p, d, from_a, NETWORK_DELAY) ? 0 : 1;
}

unsigned network_far(struct pair *p, struct fake_datagram *d, bool from_a)
{
	return delay(p, d, from_a, NETWORK_FAR) ? 0 : 1;
}

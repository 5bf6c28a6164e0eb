// Dynamic crypto maps: B answers peers that its configuration does not name; A is an ordinary one.
#include "fake_control.h"
#include "pair.h"

#include "addr.h"
#include "apply.h"
#include "bounds.h"
#include "entry.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike_sa.h"

#define DYNAMIC(lines)                                                                             \
	"exit\nno crypto map m 1\n"                                                                \
	"crypto dynamic-map dyn 10\n set transform-set ts\n" lines "\n"                            \
	"crypto map m 65000 ipsec-isakmp dynamic dyn\n"
#define ACL "ip access-list extended 101\n permit "

static struct pair *pair_dynamic(const char *lines, const char *acl_a, const char *acl_b)
{
	struct pair_config a = {.acl = acl_a}, b = {.entry = lines, .acl = acl_b};

	return pair_create(&a, &b);
}

static void bring_up(struct pair *p)
{
	side_packet(&p->a, NULL);
	pair_pass(p, 2 * S);
	assert_true(side_packet(&p->a, NULL));
}

static struct flow *instance(const struct side *s)
{
	struct flow *f = s->c.entries ? s->c.entries->flows : NULL;

	while (f && f->instance == FLOW_LINE)
		f = f->next;
	return f;
}

static unsigned rules(const struct side *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FAKE_POLICY; i++)
		n += s->c.dp->policies[i].used;
	return n;
}

static void change(struct side *s, const char *const *lines)
{
	fake_change(&s->c, lines);
}

// The command counts for peers that are up, when it comes and when it goes.
static void keepalive_typed_later(void **state)
{
	static const char *const on[] = {"crypto isakmp nat keepalive 20", NULL};
	static const char *const off[] = {"no crypto isakmp nat keepalive", NULL};
	struct pair *p = pair_create(NULL, NULL);
	struct peer *b;
	unsigned sent;

	(void)state;
	pair_up(p);
	b = side_peer(&p->a);
	change(&p->a, on);
	assert_null(b->nat); // there is no NAT
	b->nat_local = true;
	change(&p->a, off);
	assert_null(b->nat); // an idle peer has no timer
	change(&p->a, on);
	p->network = network_is_cut;
	sent = p->a.c.dp->n_sent;
	pair_pass(p, 45 * S);
	assert_int_equal(p->a.c.dp->n_sent, sent + 2);
	change(&p->a, off);
	pair_pass(p, 45 * S);
	assert_int_equal(p->a.c.dp->n_sent, sent + 2);
	p->network = network_good;
	pair_destroy(p);
}

// An entry goes with all its flows, a few at a time, and takes no peer meanwhile.
static void goes_in_steps(void **state)
{
	static const char *const more[] = {
		"ip access-list extended 101",         "permit ip 10.60.0.0 0.0.255.255 any",
		"permit ip 10.61.0.0 0.0.255.255 any", "permit ip 10.62.0.0 0.0.255.255 any",
		"permit ip 10.63.0.0 0.0.255.255 any", NULL};
	static const char *const none[] = {"no crypto map m 1",
	                                   "crypto ipsec security-association lifetime seconds 600",
	                                   NULL};
	struct pair *p = pair_create(NULL, NULL);
	struct diff_list changes;
	struct config *old;
	unsigned steps = 0;

	(void)state;
	pair_up(p);
	change(&p->a, more);
	assert_int_equal(rules(&p->a), 5);
	old = apply_begin(&p->a.c, fake_typed(p->a.c.config, none, &changes), &changes);
	while (entry_walk_step(&p->a.c, 2)) {
		assert_true(p->a.c.dp->hold[0]);
		assert_int_equal(rules(&p->a), 5 - 2 * ++steps);
		assert_false(p->a.c.entries->complete);
		pair_pass(p, 10);
	}
	assert_int_equal(steps, 2); // and one that ended it
	assert_null(p->a.c.entries);
	assert_int_equal(rules(&p->a), 0);
	while (apply_step(&p->a.c))
		pair_pass(p, 1);
	config_free(old);
	diff_fini(&changes);
	pair_pass(p, S);
	assert_false(p->a.c.dp->hold[0]);
	assert_int_equal(p->a.c.children.used, 0);
	pair_destroy(p);
}

// Whoever has a key, whatever it proposes; what it proposed is protected as long as it is there.
static void any_peer_any_traffic(void **state)
{
	struct pair *p = pair_dynamic(DYNAMIC(""), NULL, NULL);
	char text[PREFIX_TEXT];
	struct fake_sa *sa;
	struct flow *f;

	(void)state;
	assert_null(p->b.c.entries->flows);
	bring_up(p);
	assert_true(side_reaches(&p->a, &p->b));
	f = instance(&p->b);
	assert_non_null(f);
	assert_int_equal(f->line, 0);
	assert_string_equal(prefix_format(&f->selector.remote, text), "10.1.0.0/24");
	assert_string_equal(prefix_format(&f->selector.local, text), "10.2.0.0/24");
	pair_pass(p, S);
	assert_true(fake_dp_packet(p->b.c.dp, f->tunnel, &sa));
	// A second proposal of the same is of the same flow.
	child_delete(&p->a.c, side_child(&p->a), false, "test");
	side_packet(&p->a, NULL);
	pair_pass(p, 2 * S);
	assert_ptr_equal(instance(&p->b), f);
	assert_int_equal(p->b.c.entries->n_instances, 1);
	// The peer takes leave: nothing is left of it.
	child_delete(&p->a.c, side_child(&p->a), true, "test");
	pair_pass(p, 20 * S);
	while (side_child(&p->b))
		child_delete(&p->b.c, side_child(&p->b), true, "test");
	pair_pass(p, S);
	assert_null(p->b.c.entries->flows);
	pair_destroy(p);
}

// An access list says what may be proposed. Its traffic does not leave in clear without a peer, and
// brings nothing up.
static void with_an_access_list(void **state)
{
	struct pair *p = pair_dynamic(DYNAMIC(" match address 101"), NULL,
	                              ACL "ip 10.2.0.0 0.0.255.255 10.1.0.0 0.0.255.255");
	struct flow *line = p->b.c.entries->flows;
	unsigned sent;

	(void)state;
	assert_non_null(line);
	assert_false(fake_dp_packet(p->b.c.dp, line->tunnel, NULL));
	sent = p->sent;
	pair_pass(p, 2 * S);
	assert_int_equal(p->sent, sent);
	assert_int_equal(p->b.c.peers.used, 0);
	bring_up(p);
	assert_true(side_reaches(&p->a, &p->b));
	assert_non_null(instance(&p->b));
	assert_int_equal(instance(&p->b)->line, 10);
	pair_destroy(p);
}

static bool comes_up(const char *lines, const char *acl_a, const char *acl_b, const char *why)
{
	struct pair *p = pair_dynamic(lines, acl_a, acl_b);
	bool up;

	side_packet(&p->a, NULL);
	pair_pass(p, 3 * S);
	up = side_reaches(&p->a, &p->b);
	assert_true(up || side_logged(&p->b, why));
	pair_destroy(p);
	return up;
}

static void what_is_refused(void **state)
{
	(void)state;
	// Outside of the list; all traffic of the world.
	assert_false(comes_up(DYNAMIC(" match address 101"), NULL,
	                      ACL "ip 10.3.0.0 0.0.0.255 10.1.0.0 0.0.0.255", "no crypto map"));
	assert_false(comes_up(DYNAMIC(""), ACL "ip 0.0.0.0 255.255.255.255 10.2.0.0 0.0.0.255",
	                      NULL, "no crypto map"));
	assert_true(comes_up(DYNAMIC(""), ACL "ip host 10.1.0.1 any", NULL, ""));
	// It names a peer, and not this one.
	assert_false(comes_up(DYNAMIC(" set peer 192.0.2.99"), NULL, NULL, "no crypto map"));
	assert_true(comes_up(DYNAMIC(" set peer " ADDR_A), NULL, NULL, ""));
	// Nothing that it has in common with the peer.
	assert_false(comes_up(DYNAMIC(" set pfs group14"), NULL, NULL, "its PFS group"));
}

#define LIST(...) "ip access-list extended 101\n" __VA_ARGS__

// A proposal is judged as its packets are: an earlier deny that covers it takes it out of the list.
static void denied_before(void **state)
{
	static const char net[] = ACL "ip 10.1.0.0 0.0.0.255 10.2.0.0 0.0.0.255";

	(void)state;
	assert_false(comes_up(DYNAMIC(" match address 101"), net,
	                      LIST(" deny ip 10.2.0.0 0.0.0.255 10.0.0.0 0.255.255.255\n"
	                           " permit ip 10.2.0.0 0.0.0.255 10.1.0.0 0.0.0.255\n"),
	                      "no crypto map"));
	// A later one does not, nor one that takes out a part.
	assert_true(comes_up(DYNAMIC(" match address 101"), net,
	                     LIST(" permit ip 10.2.0.0 0.0.0.255 10.1.0.0 0.0.0.255\n"
	                          " deny ip 10.2.0.0 0.0.0.255 10.0.0.0 0.255.255.255\n"),
	                     ""));
	assert_true(comes_up(DYNAMIC(" match address 101"), net,
	                     LIST(" deny ip 10.2.0.0 0.0.0.15 10.1.0.0 0.0.0.255\n"
	                          " deny udp 10.2.0.0 0.0.0.255 10.1.0.0 0.0.0.255\n"
	                          " permit ip 10.2.0.0 0.0.0.255 10.1.0.0 0.0.0.255\n"),
	                     ""));
	// Ports: 22 is not the others.
	assert_false(comes_up(DYNAMIC(" match address 101"),
	                      ACL "tcp 10.1.0.0 0.0.0.255 eq 22 10.2.0.0 0.0.0.255",
	                      LIST(" deny tcp 10.2.0.0 0.0.0.255 10.1.0.0 0.0.0.255 range 20 25\n"
	                           " permit ip 10.2.0.0 0.0.0.255 10.1.0.0 0.0.0.255\n"),
	                      "no crypto map"));
	assert_true(comes_up(DYNAMIC(" match address 101"),
	                     ACL "tcp 10.1.0.0 0.0.0.255 eq 80 10.2.0.0 0.0.0.255",
	                     LIST(" deny tcp 10.2.0.0 0.0.0.255 10.1.0.0 0.0.0.255 range 20 25\n"
	                          " permit ip 10.2.0.0 0.0.0.255 10.1.0.0 0.0.0.255\n"),
	                     ""));
}

// Entries are tried in order: the map's own first, those of the dynamic map by their numbers.
static void in_order(void **state)
{
	struct pair *p = pair_dynamic("exit\ncrypto dynamic-map dyn 10\n set transform-set ts\n"
	                              "crypto dynamic-map dyn 5\n set transform-set ts\n"
	                              " match address 102\n"
	                              "access-list 102 permit ip 10.9.0.0 0.0.0.255 any\n"
	                              "crypto map m 65000 ipsec-isakmp dynamic dyn\n",
	                              NULL, NULL);
	struct crypto_entry *e = p->b.c.entries;

	(void)state;
	assert_int_equal(e->sequence, 1);
	assert_int_equal(e->next->dynamic, 5);
	assert_int_equal(e->next->next->dynamic, 10);
	assert_null(e->next->next->next);
	bring_up(p);
	assert_ptr_equal(side_child(&p->b)->flow->entry, e);
	pair_destroy(p);
	p = pair_dynamic(DYNAMIC(" match address 102\n"
	                         "access-list 102 permit ip 10.9.0.0 0.0.0.255 any\n"
	                         "crypto dynamic-map dyn 20\n set transform-set ts"),
	                 NULL, NULL);
	bring_up(p);
	assert_int_equal(side_child(&p->b)->flow->entry->dynamic, 20);
	pair_destroy(p);
}

// SAs stay while what they rest on stays.
static void changed_live(void **state)
{
	static const char *const more[] = {"crypto dynamic-map dyn 20", "set transform-set ts",
	                                   NULL};
	static const char *const list[] = {"crypto dynamic-map dyn 10", "match address 101", NULL};
	static const char *const gone[] = {"no crypto dynamic-map dyn 10", NULL};
	struct pair *p = pair_dynamic(DYNAMIC(""), NULL, NULL);
	struct child *ch;

	(void)state;
	bring_up(p);
	ch = side_child(&p->b);
	change(&p->b, more);
	assert_ptr_equal(side_child(&p->b), ch);
	assert_int_equal(ch->state, CHILD_LIVE);
	assert_int_equal(p->b.c.entries->next->dynamic, 20);
	// 101 has a line that is the same, but the flow was nobody's line.
	change(&p->b, list);
	pair_pass(p, 20 * S);
	assert_null(side_child(&p->b));
	assert_false(p->b.c.entries->any_traffic);
	assert_int_equal(p->b.c.entries->flows->instance, FLOW_LINE);
	change(&p->b, gone);
	assert_int_equal(p->b.c.entries->dynamic, 20);
	assert_null(p->b.c.entries->next);
	side_packet(&p->a, NULL);
	pair_pass(p, 30 * S);
	side_packet(&p->a, NULL);
	pair_pass(p, 3 * S);
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
}

// What an unknown SPI brings up is a peer that is named, not whoever sends from anywhere.
static void strangers_start_nothing(void **state)
{
	struct pair *p = pair_dynamic(DYNAMIC("crypto isakmp invalid-spi-recovery"), NULL, NULL);
	struct dp_event ev = {.kind = DP_EVENT_INVALID_SPI, .spi = 0x12345678};
	unsigned sent = p->sent;

	(void)state;
	addr_parse(ADDR_B, &ev.local);
	addr_parse(ADDR_A, &ev.addr);
	fake_dp_raise(p->b.c.dp, ev);
	pair_pass(p, 3 * S);
	assert_int_equal(p->sent, sent);
	assert_int_equal(p->b.c.peers.used, 0);
	pair_destroy(p);
}

// Strangers, each from an address of its own, send their first message to B.
static void strangers(struct pair *p, unsigned n, uint8_t *msg, size_t len)
{
	for (unsigned i = 0; i < n; i++) {
		struct fake_datagram d = pair_from_a(msg, len);

		d.src = addr_v4(0xc0000264 + i); // 192.0.2.100
		d.data[3] = (uint8_t)i;
		side_receive(&p->b, &d);
		pair_settle(p);
	}
}

// As many negotiations at a time as configured; the newest ones, so that nobody is kept out.
static void negotiations_are_limited(void **state)
{
	struct pair_config b = {.entry = DYNAMIC(""),
	                        .rest = "crypto call admission limit ike in-negotiation-sa 10"};
	uint8_t msg[1024];
	struct pair *p;
	size_t len;

	(void)state;
	pair_first_message(msg, &len);
	p = pair_create(NULL, &b);
	strangers(p, 9, msg, len);
	assert_int_equal(p->b.c.half_open, 9);
	strangers(p, 15, msg, len);
	assert_int_equal(p->b.c.half_open, 10);
	bring_up(p);
	assert_true(side_reaches(&p->a, &p->b));
	pair_pass(p, 40 * S);
	assert_int_equal(p->b.c.half_open, 0);
	pair_destroy(p);
}

// No more wait than have their turn while they still want it: who comes then is not heard, and
// repeats its message.
static void no_line_is_longer_than_patience(void **state)
{
	struct pair_config b = {.entry = DYNAMIC(""),
	                        .rest = "crypto call admission limit ike rate 1"};
	struct pair *p = pair_create(NULL, &b);

	(void)state;
	p->b.c.arriving.n = 5; // as if
	side_packet(&p->a, NULL);
	pair_pass(p, 2 * S);
	assert_null(side_sa(&p->a));
	assert_int_equal(p->b.c.arriving.n, 5);
	p->b.c.arriving.n = 0;
	pair_pass(p, 10 * S);
	assert_non_null(side_sa(&p->a));
	pair_destroy(p);
}

// Strangers, who may be forged, fill what is allowed; a peer finds room all the same.
static void strangers_make_room(void **state)
{
	struct pair_config b = {.entry = DYNAMIC(""),
	                        .rest = "crypto call admission limit ike sa 3"};
	uint8_t msg[1024];
	struct pair *p;
	size_t len;

	(void)state;
	pair_first_message(msg, &len);
	p = pair_create(NULL, &b);
	strangers(p, 5, msg, len);
	assert_int_equal(p->b.c.ike_sas.used, 3);
	bring_up(p);
	assert_true(side_reaches(&p->a, &p->b));
	assert_int_equal(p->b.c.ike_sas.used, 3);
	assert_int_equal(p->b.c.peers.used, 3);
	assert_int_equal(p->b.c.counters.admissions_refused, 0);
	pair_destroy(p);
}

// No more IKE SAs than configured; who has one may renew it.
static void ike_sas_are_limited(void **state)
{
	struct pair_config b = {.entry = DYNAMIC(""),
	                        .rest = "crypto call admission limit ike sa 1"};
	struct ike_sa *before;
	uint8_t msg[1024];
	struct pair *p;
	size_t len;

	(void)state;
	pair_first_message(msg, &len);
	p = pair_create(NULL, &b);
	bring_up(p);
	strangers(p, 3, msg, len);
	assert_int_equal(p->b.c.ike_sas.used, 1);
	assert_int_equal(p->b.c.counters.admissions_refused, 3);
	assert_true(side_logged(&p->b, "%CRYPTO-4-IKE_DENY_SA_REQ: IKE denied an INCOMING SA "
	                               "request from 192.0.2.102 to"));
	before = side_sa(&p->b);
	assert_int_equal(ike1_initiate(&p->a.c, side_peer(&p->a)), 0);
	pair_pass(p, 2 * S);
	assert_ptr_not_equal(side_sa(&p->b), before);
	assert_true(side_reaches(&p->a, &p->b));
	pair_pass(p, 40 * S);
	assert_int_equal(p->b.c.ike_sas.used, 1);
	pair_destroy(p);
}

// A peer whose turn has not come waits after its third message, and repeats it in vain; no message
// is lost by that. Who renews an IKE SA goes before others, not who has just got one.
static void peers_come_at_a_rate(void **state)
{
	struct pair_config b = {.entry = DYNAMIC(""),
	                        .rest = "crypto call admission limit ike rate 1"};
	struct pair *p;

	(void)state;
	p = pair_create(NULL, &b);
	while (admission_reserve(&p->b.c.admit_theirs, 1, p->b.c.now) < 5 * S)
		; // others have taken the turns of five seconds
	side_packet(&p->a, NULL);
	pair_pass(p, 4 * S);
	assert_null(side_sa(&p->b));
	assert_int_equal(p->b.c.half_open, 1);
	assert_non_null(p->b.c.arriving.first);
	assert_int_equal(p->b.c.counters.admissions_delayed, 1);
	pair_pass(p, 5 * S);
	assert_true(side_packet(&p->a, NULL));
	assert_true(side_reaches(&p->a, &p->b));
	assert_null(p->b.c.arriving.first);
	pair_pass(p, RENEWAL_TURNS_APART * S);
	while (admission_reserve(&p->b.c.admit_theirs, 1, p->b.c.now) < 300 * S)
		;
	assert_int_equal(ike1_initiate(&p->a.c, side_peer(&p->a)), 0);
	pair_pass(p, 10);
	assert_non_null(p->b.c.renewing.first);
	assert_null(p->b.c.arriving.first);
	// One at a time.
	assert_int_equal(ike1_initiate(&p->a.c, side_peer(&p->a)), 0);
	pair_pass(p, 10);
	assert_int_equal(p->b.c.renewing.n, 1);
	assert_int_equal(p->b.c.arriving.n, 1);
	ike_sa_destroy(&p->b.c, p->b.c.arriving.first);
	ike_sa_destroy(&p->b.c, p->b.c.renewing.first);
	assert_null(p->b.c.renewing.first);
	assert_null(p->b.c.renewing.last);
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
}

// Our own attempts have their rate too, and each its place.
static void ours_begin_at_a_rate(void **state)
{
	struct pair_config a = {.rest = "crypto call admission limit ike rate 1"};
	struct pair *p;

	(void)state;
	p = pair_create(&a, NULL);
	while (admission_reserve(&p->a.c.admit_ours, 1, p->a.c.now) < 5 * S)
		;
	side_packet(&p->a, NULL);
	pair_pass(p, 5 * S);
	assert_int_equal(p->a.c.counters.admissions_delayed, 1);
	assert_int_equal(p->a.c.half_open, 0);
	assert_false(side_packet(&p->a, NULL));
	pair_pass(p, 5 * S); // up to one of them is jitter
	assert_true(side_packet(&p->a, NULL));
	assert_int_equal(p->a.c.counters.admissions_delayed, 1);
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
}

// A peer whose IKE SA is gone is asked by a new phase 1; while that waits for its turn nobody is
// asked, and nothing is counted.
static void waiting_is_no_death(void **state)
{
	struct pair_config a = {.rest = "crypto isakmp keepalive 10 periodic\n"
	                                "crypto call admission limit ike rate 1"};
	struct pair *p;

	(void)state;
	p = pair_create(&a, NULL);
	pair_up(p);
	pair_pass(p, 15 * S);
	assert_true(p->a.c.counters.acks_received > 0);
	ike_sa_destroy(&p->a.c, side_sa(&p->a));
	while (admission_reserve(&p->a.c.admit_ours, 1, p->a.c.now) < 60 * S)
		;
	pair_pass(p, 50 * S);
	assert_int_equal(p->a.c.counters.admissions_delayed, 1);
	assert_int_equal(p->a.c.counters.deaths, 0);
	assert_int_equal(p->a.c.counters.losses, 0);
	assert_true(side_reaches(&p->a, &p->b));
	pair_pass(p, 30 * S);
	assert_non_null(side_sa(&p->a));
	assert_int_equal(p->a.c.counters.deaths, 0);
	pair_destroy(p);
}

// Nor while the peer's own phase 1 waits for its turn here: it has spoken, and we have not.
static void our_line_is_no_death(void **state)
{
	struct pair_config b = {.entry = DYNAMIC(""),
	                        .rest = "crypto isakmp keepalive 10 periodic\n"
	                                "crypto call admission limit ike rate 1"};
	struct pair *p;

	(void)state;
	p = pair_create(NULL, &b);
	bring_up(p);
	pair_pass(p, 15 * S);
	assert_true(p->b.c.counters.acks_received > 0);
	ike_sa_destroy(&p->b.c, side_sa(&p->b));
	ike_sa_destroy(&p->a.c, side_sa(&p->a));
	while (admission_reserve(&p->b.c.admit_theirs, 1, p->b.c.now) < 18 * S)
		;
	assert_int_equal(ike1_initiate(&p->a.c, side_peer(&p->a)), 0);
	pair_pass(p, 16 * S);
	assert_non_null(p->b.c.arriving.first);
	assert_int_equal(p->b.c.counters.losses, 0);
	pair_pass(p, 10 * S);
	assert_int_equal(p->b.c.counters.deaths, 0);
	assert_non_null(side_sa(&p->b));
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
}

// No more IPsec SAs than configured; a tunnel that has some may renew them.
static void ipsec_sas_are_limited(void **state)
{
	struct pair_config b = {.entry = DYNAMIC(""),
	                        .rest = "crypto call admission limit ipsec sa 2"};
	struct pair *p;

	(void)state;
	p = pair_create(NULL, &b);
	bring_up(p);
	assert_int_equal(p->b.c.children.used, 1);
	assert_int_equal(p->b.c.counters.admissions_refused, 0);
	flow_negotiate(&p->a.c, p->a.c.entries->flows);
	pair_pass(p, 2 * S);
	assert_int_equal(p->b.c.counters.admissions_refused, 0);
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);

	p = pair_create(NULL, &b);
	p->b.c.config->isakmp.ipsec_limit = 1; // less than one pair
	side_packet(&p->a, NULL);
	pair_pass(p, 2 * S);
	assert_false(side_packet(&p->a, NULL));
	assert_int_equal(p->b.c.children.used, 0);
	assert_true(p->b.c.counters.admissions_refused > 0);
	pair_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_peer_any_traffic),
		cmocka_unit_test(with_an_access_list),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(denied_before),
		cmocka_unit_test(keepalive_typed_later),
		cmocka_unit_test(in_order),
		cmocka_unit_test(changed_live),
		cmocka_unit_test(strangers_start_nothing),
		cmocka_unit_test(negotiations_are_limited),
		cmocka_unit_test(no_line_is_longer_than_patience),
		cmocka_unit_test(strangers_make_room),
		cmocka_unit_test(ike_sas_are_limited),
		cmocka_unit_test(goes_in_steps),
		cmocka_unit_test(peers_come_at_a_rate),
		cmocka_unit_test(ours_begin_at_a_rate),
		cmocka_unit_test(waiting_is_no_death),
		cmocka_unit_test(our_line_is_no_death),
		cmocka_unit_test(ipsec_sas_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

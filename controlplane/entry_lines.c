// Brings an entry's flows and denies into line with its access list, a few lines at a time. Control
// core only. Must not touch flows whose line has not changed: they carry traffic.
#include "entry_lines.h"

#include <errno.h>
#include <stdlib.h>

#include "addr.h"
#include "control.h"

#define DENY_RULES 4 // of one line, at most: a port is excluded on both sides

// ---- denies ----------------------------------------------------------------------------------

// The port ranges that an operator stands for: at most two. Returns how many.
static unsigned port_ranges(const struct config_acl_end *end, uint16_t lo[2], uint16_t hi[2])
{
	lo[0] = 0;
	hi[0] = UINT16_MAX;
	switch (end->op) {
	case CONFIG_PORT_ANY:
		return 1;
	case CONFIG_PORT_EQ:
		lo[0] = hi[0] = end->port;
		return 1;
	case CONFIG_PORT_RANGE:
		lo[0] = end->port;
		hi[0] = end->port_high;
		return 1;
	case CONFIG_PORT_LT:
		hi[0] = (uint16_t)(end->port - 1);
		return end->port > 0;
	case CONFIG_PORT_GT:
		lo[0] = (uint16_t)(end->port + 1);
		return end->port < UINT16_MAX;
	case CONFIG_PORT_NEQ:
		break;
	}
	if (end->port == 0) {
		lo[0] = 1;
		return 1;
	}
	hi[0] = (uint16_t)(end->port - 1);
	lo[1] = (uint16_t)(end->port + 1);
	hi[1] = UINT16_MAX;
	return end->port < UINT16_MAX ? 2 : 1;
}

static struct ip_prefix acl_prefix(const struct config_acl_end *end)
{
	return prefix_make(&end->address, (uint8_t)prefix_len_from_wildcard(&end->wildcard));
}

// The rules of a deny line; returns how many.
static unsigned deny_rules(const struct crypto_entry *e, const struct config_acl_line *l,
                           struct dp_policy_rule rules[DENY_RULES])
{
	uint16_t slo[2], shi[2], dlo[2], dhi[2];
	unsigned ns = port_ranges(&l->source, slo, shi);
	unsigned nd = port_ranges(&l->destination, dlo, dhi);

	for (unsigned i = 0; i < ns * nd; i++)
		rules[i] = (struct dp_policy_rule){
			.iface = e->iface,
			.sequence = flow_rank(e),
			.line = l->seq,
			.instance = FLOW_LINE,
			.local = acl_prefix(&l->source),
			.remote = acl_prefix(&l->destination),
			.proto = l->protocol,
			.local_port_lo = slo[i / nd],
			.local_port_hi = shi[i / nd],
			.remote_port_lo = dlo[i % nd],
			.remote_port_hi = dhi[i % nd],
		};
	return ns * nd;
}

// Of one line: do they deny the same?
static bool same_rule(const struct dp_policy_rule *a, const struct dp_policy_rule *b)
{
	return prefix_equal(&a->local, &b->local) && prefix_equal(&a->remote, &b->remote) &&
	       a->proto == b->proto && a->local_port_lo == b->local_port_lo &&
	       a->local_port_hi == b->local_port_hi && a->remote_port_lo == b->remote_port_lo &&
	       a->remote_port_hi == b->remote_port_hi;
}

// The array is as long as the next power of two.
static int denies_reserve(struct crypto_entry *e)
{
	struct entry_deny *grown;

	if (e->n_denies & (e->n_denies - 1))
		return 0;
	grown = reallocarray(e->denies, e->n_denies ? 2 * (size_t)e->n_denies : 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	e->denies = grown;
	return 0;
}

static int add_deny(struct control *c, struct crypto_entry *e, const struct dp_policy_rule *rule)
{
	struct entry_deny *deny;
	int err = denies_reserve(e);

	if (err)
		return err;
	deny = &e->denies[e->n_denies];
	deny->rule = *rule;
	err = dp_policy_add(c->dp, rule, &deny->policy);
	if (err == 0)
		e->n_denies++;
	return err;
}

static int deny_line(struct control *c, struct crypto_entry *e, const struct config_acl_line *l)
{
	struct dp_policy_rule rules[DENY_RULES];
	unsigned n = deny_rules(e, l, rules);
	int err = 0;

	for (unsigned i = 0; i < n && err == 0; i++)
		err = add_deny(c, e, &rules[i]);
	return err;
}

void entry_denies_destroy(struct control *c, struct crypto_entry *e)
{
	for (unsigned i = 0; i < e->n_denies; i++)
		dp_policy_del(c->dp, e->denies[i].policy);
	free(e->denies);
	e->denies = NULL;
	e->n_denies = 0;
}

static void destroy_denies_of(struct control *c, struct crypto_entry *e, uint32_t line)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->n_denies; i++)
		if (e->denies[i].rule.line == line)
			dp_policy_del(c->dp, e->denies[i].policy);
		else
			e->denies[n++] = e->denies[i];
	e->n_denies = n;
}

// Does its line still say the same? Then the line is *l.
static bool deny_holds(const struct crypto_entry *e, const struct config_acl *acl,
                       const struct entry_deny *deny, const struct config_acl_line **l)
{
	struct dp_policy_rule rules[DENY_RULES];
	unsigned n;

	*l = acl ? config_acl_line(acl, deny->rule.line) : NULL;
	n = *l && (*l)->action == CONFIG_ACL_DENY ? deny_rules(e, *l, rules) : 0;
	for (unsigned i = 0; i < n; i++)
		if (same_rule(&rules[i], &deny->rule))
			return true;
	return false;
}

// ---- lines -----------------------------------------------------------------------------------

const struct config_acl_line *entry_line_of(const struct config_acl *acl, const struct flow *f)
{
	const struct config_acl_line *l = acl ? config_acl_line(acl, f->line) : NULL;
	struct selector s;
	const char *why;

	if (!l || l->action != CONFIG_ACL_PERMIT || config_acl_selector(l, &s, &why) < 0)
		return NULL;
	return (f->instance == FLOW_LINE ? selector_equal(&s, &f->selector)
	                                 : selector_covers(&s, &f->selector))
	               ? l
	               : NULL;
}

static int make_flow(struct control *c, struct crypto_entry *e, const struct config_acl_line *l)
{
	struct selector s;
	const char *why;

	if (config_acl_selector(l, &s, &why) < 0 || flow_create(c, e, l->seq, FLOW_LINE, &s))
		return 0;
	return -errno;
}

void entry_lines_start(struct entry_lines *w, const struct crypto_entry *e,
                       const struct config_acl *acl)
{
	*w = (struct entry_lines){.acl = acl, .at = e->lines.n};
	w->kept = calloc(acl ? acl->n_lines + 1u : 1, sizeof(*w->kept));
	if (w->kept)
		return;
	w->err = -ENOMEM;
	w->stage = ENTRY_LINES_DONE;
}

// From the last one on, so that what goes leaves no hole.
static bool flows_step(struct control *c, struct crypto_entry *e, struct entry_lines *w,
                       unsigned *budget)
{
	while (w->at > 0) {
		const struct config_acl_line *l;
		struct flow *f;

		if (!entry_take(budget))
			return true;
		f = e->lines.items[--w->at];
		l = entry_line_of(w->acl, f);
		if (l)
			w->kept[l - w->acl->lines] = 1;
		else
			flow_destroy(c, f);
	}
	w->n = 0;
	w->stage = ENTRY_LINES_DENIES;
	return false;
}

// What stays moves to the front.
static bool denies_step(struct control *c, struct crypto_entry *e, struct entry_lines *w,
                        unsigned *budget)
{
	while (w->at < e->n_denies) {
		const struct entry_deny *deny = &e->denies[w->at];
		const struct config_acl_line *l;

		if (!entry_take(budget))
			return true;
		if (deny_holds(e, w->acl, deny, &l)) {
			w->kept[l - w->acl->lines]++;
			e->denies[w->n++] = *deny;
		} else {
			dp_policy_del(c->dp, deny->policy);
		}
		w->at++;
	}
	e->n_denies = w->n;
	w->at = 0;
	w->stage = ENTRY_LINES_NEW;
	return false;
}

static int new_deny(struct control *c, struct crypto_entry *e, const struct config_acl_line *l,
                    unsigned kept)
{
	struct dp_policy_rule rules[DENY_RULES];

	if (kept == deny_rules(e, l, rules))
		return 0;
	if (kept)
		destroy_denies_of(c, e, l->seq);
	return deny_line(c, e, l);
}

static bool new_step(struct control *c, struct crypto_entry *e, struct entry_lines *w,
                     unsigned *budget)
{
	for (; w->acl && w->at < w->acl->n_lines && w->err == 0; w->at++) {
		const struct config_acl_line *l = &w->acl->lines[w->at];

		if (!entry_take(budget))
			return true;
		if (l->action == CONFIG_ACL_DENY)
			w->err = new_deny(c, e, l, w->kept[w->at]);
		else if (l->action == CONFIG_ACL_PERMIT && !w->kept[w->at])
			w->err = make_flow(c, e, l);
	}
	w->stage = ENTRY_LINES_DONE;
	return false;
}

bool entry_lines_step(struct control *c, struct crypto_entry *e, struct entry_lines *w,
                      unsigned *budget)
{
	bool more = false;

	while (!more && w->stage != ENTRY_LINES_DONE) {
		if (w->stage == ENTRY_LINES_FLOWS)
			more = flows_step(c, e, w, budget);
		else if (w->stage == ENTRY_LINES_DENIES)
			more = denies_step(c, e, w, budget);
		else
			more = new_step(c, e, w, budget);
	}
	return more;
}

void entry_lines_end(struct entry_lines *w)
{
	free(w->kept);
	w->kept = NULL;
}

int entry_line_sync(struct control *c, struct crypto_entry *e, const struct config_acl *acl,
                    uint32_t seq)
{
	const struct config_acl_line *l = config_acl_line(acl, seq);
	struct flow *f = flow_lines_find(&e->lines, seq);

	if (f && !entry_line_of(acl, f)) {
		flow_destroy(c, f);
		f = NULL;
	}
	destroy_denies_of(c, e, seq);
	if (l && l->action == CONFIG_ACL_DENY)
		return deny_line(c, e, l);
	return l && l->action == CONFIG_ACL_PERMIT && !f ? make_flow(c, e, l) : 0;
}

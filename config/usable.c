// What of a configuration this version can negotiate, and why not if it cannot. Any thread, pure.
// The control plane asks here before it proposes or accepts; check.c asks to warn the operator.
#include <errno.h>
#include <stddef.h>

#include "addr.h"
#include "config.h"

bool config_group_usable(uint8_t group, const char **why)
{
	const char *reason = NULL;

	switch (group) {
	case 1:
	case 2:
	case 5:
	case 14:
	case 15:
	case 16:
	case 19:
	case 20:
	case 21:
		break;
	case 24:
		reason = "group 24 is advised against (RFC 8247) and not active in this version";
		break;
	default:
		reason = "this Diffie-Hellman group is not active in this version";
		break;
	}
	if (why)
		*why = reason;
	return !reason;
}

// Single DES is left to IKE, which knows whether OpenSSL's legacy provider is there.
bool config_policy_usable(const struct config_policy *p, const char **why)
{
	const char *reason = NULL;

	if (p->auth != CONFIG_AUTH_PRE_SHARE)
		reason = "authentication rsa-sig (the default) is not active in this version; use "
			 "'authentication pre-share'";
	else
		config_group_usable(p->group, &reason);
	if (why)
		*why = reason;
	return !reason;
}

bool config_transform_set_usable(const struct config_transform_set *t, const char **why)
{
	const char *reason = NULL;

	if (!sa_cipher_is_aead(t->cipher) && t->auth == SA_AUTH_NONE)
		reason = "without an hmac its packets can be altered on the way";
	if (why)
		*why = reason;
	return !reason;
}

unsigned config_cipher_key_len(const struct config_transform_set *t)
{
	switch (t->cipher) {
	case SA_CIPHER_NULL:
		return 0;
	case SA_CIPHER_DES_CBC:
		return 8;
	case SA_CIPHER_3DES_CBC:
		return 24;
	case SA_CIPHER_AES_CBC:
		return t->key_bits / 8;
	case SA_CIPHER_AES_GCM_16:
		return t->key_bits / 8 + SA_SALT_MAX;
	case SA_CIPHER_CHACHA_POLY:
		return 32 + SA_SALT_MAX;
	}
	return 0;
}

bool config_manual_key(const struct config_transform_set *t, const struct config_session_key *k,
                       const char **why)
{
	unsigned cipher = config_cipher_key_len(t), auth = sa_auth_key_len(t->auth);
	const char *reason = NULL;

	// IOS cuts what is too long; where the salt stands at the end that would be another key.
	if (sa_cipher_is_aead(t->cipher) && k->cipher_len != cipher)
		reason = "the cipher key must be the transform's key followed by 4 bytes of salt";
	else if (k->cipher_len < cipher)
		reason = "the cipher key is shorter than the transform's";
	else if (k->auth_len < auth)
		reason = "the authenticator key is shorter than the transform's";
	if (why)
		*why = reason;
	return !reason;
}

// What a manual entry lacks beyond what any entry may lack.
static const char *manual_incomplete(const struct config *c, const struct config_map_entry *e)
{
	const struct config_transform_set *t = config_find_transform_set(c, e->sets[0]);
	const char *why = NULL;

	if (!e->manual->in.spi)
		return "no inbound session key is set";
	if (!e->manual->out.spi)
		return "no outbound session key is set";
	if (config_manual_key(t, &e->manual->in, &why))
		config_manual_key(t, &e->manual->out, &why);
	return why;
}

const char *config_map_entry_lacks(const struct config *c, const struct config_map_entry *e,
                                   const struct config_acl *acl)
{
	bool address = false, set = false, usable = false, dynamic = config_is_dynamic(e);
	uint32_t n;

	if (e->dynamic[0])
		return config_dynamic_entries(c, e->dynamic, &n) ? NULL
		                                                 : "its dynamic map is not defined";
	for (uint32_t i = 0; i < e->n_peers; i++)
		address = address || e->peers[i].address.family;
	for (uint32_t i = 0; i < e->n_sets; i++) {
		const struct config_transform_set *t = config_find_transform_set(c, e->sets[i]);

		set = set || t;
		usable = usable || (t && config_transform_set_usable(t, NULL));
	}
	if (e->n_peers == 0 && !dynamic)
		return "no peer is set";
	if (!address && e->n_peers)
		return "no peer has an address, and host names are not active in this version";
	if (e->n_sets == 0)
		return "no transform set is set";
	if (!set)
		return "its transform sets are not defined";
	if (!usable)
		return "its transform sets cannot be used";
	if (!e->acl[0] && !dynamic)
		return "no access list is matched";
	if (!acl && e->acl[0])
		return "its access list is not defined";
	return e->manual ? manual_incomplete(c, e) : NULL;
}

const char *config_map_entry_incomplete(const struct config *c, const struct config_map_entry *e)
{
	return config_map_entry_lacks(c, e, config_find_acl(c, e->acl));
}

const struct config_map_entry *config_bound_map(const struct config *c,
                                                const struct config_interface *i, bool ipv6,
                                                uint32_t *n)
{
	const struct config_map_entry *m;

	m = config_map_entries(c, ipv6 ? i->crypto_map6 : i->crypto_map, n);
	if (m && m->ipv6 == ipv6)
		return m;
	*n = 0;
	return NULL;
}

// The prefix of a wildcard, or -ENOTSUP.
static int end_prefix(const struct config_acl_end *end, struct ip_prefix *out)
{
	int len = prefix_len_from_wildcard(&end->wildcard);

	if (len < 0)
		return -ENOTSUP;
	*out = prefix_make(&end->address, (uint8_t)len);
	return 0;
}

int config_acl_selector(const struct config_acl_line *l, struct selector *out, const char **why)
{
	const struct config_acl_end *ends[] = {&l->source, &l->destination};

	*out = (struct selector){.proto = l->protocol};
	*why = NULL;
	if (l->text) {
		*why = "an IKEv1 identity holds no more than protocol, addresses and ports";
		return -ENOTSUP;
	}
	for (unsigned i = 0; i < 2; i++) {
		if (ends[i]->op != CONFIG_PORT_ANY && ends[i]->op != CONFIG_PORT_EQ)
			*why = "an IKEv1 identity holds one port, not a range, gt, lt or neq";
		else if (ends[i]->op == CONFIG_PORT_EQ && ends[i]->port == 0)
			*why = "port 0 means any port in an IKEv1 identity";
		else if (end_prefix(ends[i], i ? &out->remote : &out->local))
			*why = "the wildcard is no prefix, and an IKEv1 identity is one";
		if (*why)
			return -ENOTSUP;
	}
	out->local_port = l->source.op == CONFIG_PORT_EQ ? l->source.port : 0;
	out->remote_port = l->destination.op == CONFIG_PORT_EQ ? l->destination.port : 0;
	return 0;
}

struct config_dummy config_map_entry_dummy(const struct config *c, const struct config_map_entry *e)
{
	return e->dummy.set ? e->dummy : c->ipsec.dummy;
}

uint32_t config_map_entry_replay(const struct config *c, const struct config_map_entry *e)
{
	if (e->manual)
		return CONFIG_REPLAY_DISABLED;
	return e->replay.set ? e->replay.window : c->ipsec.replay_window;
}

bool config_map_entry_esn(const struct config *c, const struct config_map_entry *e)
{
	return !e->manual && (e->esn || c->ipsec.esn) &&
	       config_map_entry_replay(c, e) != CONFIG_REPLAY_DISABLED;
}

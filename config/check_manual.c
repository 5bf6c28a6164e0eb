// What is wrong or weak with crypto map entries whose keys are set by hand. Any thread, read only.
// Must not print a key.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

// Of a list's permits only the first can be served: there is one pair of SAs.
static void check_one_permit(const struct config *c, const struct config_map_entry *e,
                             struct diag_list *d)
{
	const struct config_acl *acl = config_find_acl(c, e->acl);
	uint32_t permits = 0;

	for (uint32_t i = 0; acl && i < acl->n_lines; i++)
		permits += acl->lines[i].action == CONFIG_ACL_PERMIT;
	if (permits > 1)
		diag_add(d, DIAG_WARNING, e->line, 0, NULL,
		         "crypto map \"%s\" %u has manual keys, which protect one permit of access "
		         "list %s, the first; what the others match is dropped",
		         e->map, e->seq, e->acl);
}

static void check_key(const struct config_map_entry *e, const struct config_transform_set *t,
                      const struct config_session_key *k, const char *side, struct diag_list *d)
{
	const char *why;

	if (!k->spi)
		return; // an incomplete entry
	if (!config_manual_key(t, k, &why))
		diag_add(d, DIAG_ERROR, e->line, 0, NULL,
		         "crypto map \"%s\" %u: %s session key: transform set %s: %s", e->map,
		         e->seq, side, t->name, why);
	else if (k->cipher_len > config_cipher_key_len(t) || k->auth_len > sa_auth_key_len(t->auth))
		diag_add(d, DIAG_WARNING, e->line, 0, NULL,
		         "crypto map \"%s\" %u: %s session key: longer than transform set %s "
		         "takes, the rest is not used",
		         e->map, e->seq, side, t->name);
}

void check_manual(const struct config *c, const struct config_map_entry *e, struct diag_list *d)
{
	const struct config_transform_set *t =
		e->n_sets ? config_find_transform_set(c, e->sets[0]) : NULL;

	check_one_permit(c, e, d);
	if (!t)
		return;
	check_key(e, t, &e->manual->in, "inbound", d);
	check_key(e, t, &e->manual->out, "outbound", d);
	if (sa_cipher_is_aead(t->cipher))
		diag_add(d, DIAG_WARNING, e->line, 0, NULL,
		         "crypto map \"%s\" %u: manual keys with this cipher are advised against "
		         "(RFC 8221, 5): a restart could use a nonce again under the same key",
		         e->map, e->seq);
}

static uint8_t family_of(const struct config_map_entry *e)
{
	return e->n_peers ? e->peers[0].address.family : 0;
}

static int compare_spis(const void *a, const void *b)
{
	const struct config_map_entry *const *x = a, *const *y = b;
	uint32_t p = (*x)->manual->in.spi, q = (*y)->manual->in.spi;

	if (p != q)
		return p < q ? -1 : 1;
	if (family_of(*x) != family_of(*y))
		return family_of(*x) < family_of(*y) ? -1 : 1;
	return strcmp((*x)->map, (*y)->map);
}

// A map's entries for peers of one family receive at one address, so an SPI tells them apart.
void check_manual_spis(const struct config *c, struct diag_list *d)
{
	const struct config_map_entry **order =
		calloc((size_t)c->n_map_entries + 1, sizeof(*order));
	uint32_t n = 0;

	for (uint32_t i = 0; order && i < c->n_map_entries; i++)
		if (c->map_entries[i].manual && c->map_entries[i].manual->in.spi)
			order[n++] = &c->map_entries[i];
	if (order)
		qsort(order, n, sizeof(*order), compare_spis);
	for (uint32_t i = 1; i < n; i++)
		if (compare_spis(&order[i - 1], &order[i]) == 0)
			diag_add(d, DIAG_ERROR, order[i]->line, 0, NULL,
			         "crypto map \"%s\" %u has the same inbound SPI as %u",
			         order[i]->map, order[i]->seq, order[i - 1]->seq);
	if (!order)
		diag_add(d, DIAG_ERROR, 0, 0, NULL, "out of memory");
	free(order);
}

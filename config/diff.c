// The changes from one configuration to another. Any thread, read only: both are sorted, so one
// pass over each list finds everything.
#include "diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_list.h"

static int diff_add(struct diff_list *d, enum config_kind kind, enum diff_op op, uint32_t old,
                    uint32_t new)
{
	struct diff_change change = {kind, op, old, new};

	return array_push(&d->items, &d->n, sizeof(change), &change) ? 0 : -ENOMEM;
}

static int diff_list(const struct config *old, const struct config *new, enum config_kind kind,
                     struct diff_list *out)
{
	const struct config_list *l = &config_lists[kind];
	struct sorted s = config_sorted((struct config *)old, kind); // only read
	struct sorted t = config_sorted((struct config *)new, kind);
	const char *a = array_get(s.items), *b = array_get(t.items);
	uint32_t i = 0, k = 0;
	int err = 0;

	if (a == b)
		return 0; // shared
	while (!err && (i < *s.n || k < *t.n)) {
		int order = i == *s.n   ? 1
		            : k == *t.n ? -1
		                        : l->compare(a + i * l->size, b + k * l->size);

		if (order < 0) {
			err = diff_add(out, kind, DIFF_DEL, i++, 0);
		} else if (order > 0) {
			err = diff_add(out, kind, DIFF_ADD, 0, k++);
		} else {
			if (!l->equal(a + i * l->size, b + k * l->size))
				err = diff_add(out, kind, DIFF_CHANGE, i, k);
			i++;
			k++;
		}
	}
	return err;
}

static bool single_equal(const struct config *a, const struct config *b, enum config_kind kind)
{
	switch (kind) {
	case CONFIG_HOSTNAME:
		return !strcmp(a->hostname, b->hostname) && !strcmp(a->domain, b->domain);
	case CONFIG_ENABLE:
		return config_enable_equal(a, b);
	case CONFIG_LOGGING:
		return config_logging_equal(&a->logging, &b->logging);
	case CONFIG_PLATFORM:
		return config_platform_equal(&a->platform, &b->platform);
	case CONFIG_ISAKMP:
		return config_isakmp_equal(&a->isakmp, &b->isakmp);
	case CONFIG_IPSEC:
		return config_ipsec_equal(&a->ipsec, &b->ipsec);
	case CONFIG_IPV6:
		return a->ipv6_unicast_routing == b->ipv6_unicast_routing;
	default:
		return true;
	}
}

// ---- lines of access lists

// Once, though its remarks have the same number.
static int add_line(uint32_t index, uint32_t seq, struct diff_list *d)
{
	const struct diff_line *last = d->n_lines ? &d->lines[d->n_lines - 1] : NULL;
	struct diff_line line = {index, seq};

	if (last && last->acl == index && last->seq == seq)
		return 0;
	return array_push(&d->lines, &d->n_lines, sizeof(line), &line) ? 0 : -ENOMEM;
}

static int add_lines(const struct config_acl *a, const struct config_acl *b, uint32_t index,
                     struct diff_list *d)
{
	uint32_t i = 0, k = 0;
	int err = 0;

	while (!err && (i < a->n_lines || k < b->n_lines)) {
		const struct config_acl_line *x = i < a->n_lines ? &a->lines[i] : NULL;
		const struct config_acl_line *y = k < b->n_lines ? &b->lines[k] : NULL;
		int c = x && y ? config_acl_line_compare(x, y) : x ? -1 : 1;
		uint32_t seq = c <= 0 ? x->seq : y->seq;

		i += c <= 0;
		k += c >= 0;
		if (c != 0 || !config_acl_line_equal(x, y))
			err = add_line(index, seq, d);
	}
	return err;
}

static int find_lines(const struct config *old, const struct config *new, struct diff_list *d)
{
	int err = 0;

	for (uint32_t i = 0; i < d->n && !err; i++) {
		const struct diff_change *change = &d->items[i];

		if (change->kind == CONFIG_ACL && change->op == DIFF_CHANGE)
			err = add_lines(&old->acls[change->old_index],
			                &new->acls[change->new_index], change->new_index, d);
	}
	return err;
}

// ---- entries that use what has changed

// Names of changed objects of one kind, in order, as the items of the list are.
struct names {
	const char **at;
	uint32_t n;
};

static const char *name_of(const struct config *c, enum config_kind kind, uint32_t index)
{
	return kind == CONFIG_ACL ? c->acls[index].name : c->transform_sets[index].name;
}

static int names_take(struct names *names, const struct config *old, const struct config *new,
                      enum config_kind kind, const struct diff_list *d)
{
	*names = (struct names){.at = calloc((size_t)d->n + 1, sizeof(*names->at))};
	if (!names->at)
		return -ENOMEM;
	for (uint32_t i = 0; i < d->n; i++) {
		const struct diff_change *change = &d->items[i];

		if (change->kind == kind)
			names->at[names->n++] = change->op == DIFF_DEL
			                                ? name_of(old, kind, change->old_index)
			                                : name_of(new, kind, change->new_index);
	}
	return 0;
}

static int compare_name(const void *key, const void *item)
{
	return strcmp(key, *(const char *const *)item);
}

static bool names_have(const struct names *names, const char *name)
{
	return names->n && bsearch(name, names->at, names->n, sizeof(*names->at), compare_name);
}

static bool uses(const struct config_map_entry *e, const struct names *acls,
                 const struct names *sets)
{
	bool found = names_have(acls, e->acl);

	for (uint32_t i = 0; !found && i < e->n_sets; i++)
		found = names_have(sets, e->sets[i]);
	return found;
}

static int add_touched(const struct config *new, const struct names *acls, const struct names *sets,
                       struct diff_list *d)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < new->n_map_entries; i++) {
		// Changes of entries lie in the list in the same order.
		while (at < d->n && (d->items[at].kind != CONFIG_MAP_ENTRY ||
		                     d->items[at].op == DIFF_DEL || d->items[at].new_index < i))
			at++;
		if ((at < d->n && d->items[at].new_index == i) ||
		    !uses(&new->map_entries[i], acls, sets))
			continue;
		if (!array_push(&d->touched, &d->n_touched, sizeof(i), &i))
			return -ENOMEM;
	}
	return 0;
}

static int find_touched(const struct config *old, const struct config *new, struct diff_list *d)
{
	struct names acls = {0}, sets = {0};
	int err = names_take(&acls, old, new, CONFIG_ACL, d);

	if (!err)
		err = names_take(&sets, old, new, CONFIG_TRANSFORM_SET, d);
	if (!err && (acls.n || sets.n))
		err = add_touched(new, &acls, &sets, d);
	free(acls.at);
	free(sets.at);
	return err;
}

int diff_configs(const struct config *old, const struct config *new, struct diff_list *out)
{
	int err = 0;

	*out = (struct diff_list){0};
	for (unsigned k = 0; !err && k < CONFIG_LISTS; k++)
		err = diff_list(old, new, k, out);
	for (unsigned k = CONFIG_LISTS; !err && k < CONFIG_KINDS; k++)
		if (!single_equal(old, new, k))
			err = diff_add(out, k, DIFF_CHANGE, 0, 0);
	if (!err)
		err = find_lines(old, new, out);
	if (!err)
		err = find_touched(old, new, out);
	if (err)
		diff_fini(out);
	return err;
}

void diff_fini(struct diff_list *d)
{
	array_free(&d->items, &d->n, sizeof(*d->items));
	array_free(&d->lines, &d->n_lines, sizeof(*d->lines));
	array_free(&d->touched, &d->n_touched, sizeof(*d->touched));
}

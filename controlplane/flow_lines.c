// See flow_lines.h: a sorted array of pointers, to whose end lines are nearly always added.
#include "flow_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"

int flow_lines_reserve(struct flow_lines *l)
{
	uint32_t room = l->room ? 2 * l->room : 1;
	struct flow **items;

	if (l->n < l->room)
		return 0;
	items = reallocarray(l->items, room, sizeof(struct flow *));
	if (!items)
		return -ENOMEM;
	l->items = items;
	l->room = room;
	return 0;
}

// The first place whose line is not before this one.
static uint32_t lower_bound(const struct flow_lines *l, uint32_t line)
{
	uint32_t lo = 0, hi = l->n;

	if (hi && l->items[hi - 1]->line < line)
		return hi;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (l->items[mid]->line < line)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void flow_lines_add(struct flow_lines *l, struct flow *f)
{
	uint32_t at = lower_bound(l, f->line);

	memmove(l->items + at + 1, l->items + at, (l->n - at) * sizeof(*l->items));
	l->items[at] = f;
	l->n++;
}

void flow_lines_del(struct flow_lines *l, const struct flow *f)
{
	uint32_t at = lower_bound(l, f->line);

	l->n--;
	memmove(l->items + at, l->items + at + 1, (l->n - at) * sizeof(*l->items));
	if (l->n)
		return;
	free(l->items);
	*l = (struct flow_lines){0};
}

struct flow *flow_lines_find(const struct flow_lines *l, uint32_t line)
{
	uint32_t at = lower_bound(l, line);

	return at < l->n && l->items[at]->line == line ? l->items[at] : NULL;
}

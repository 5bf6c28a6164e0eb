// Lists that several configurations have together, so that a copy for one typed line does not copy
// 100,000 entries. Any thread. A list with more than one owner is read only; who wants to change
// it makes it his own first. Inside config/ only.
#ifndef VIGIL_CONFIG_SHARE_H
#define VIGIL_CONFIG_SHARE_H

#include "config_list.h"

// From now on copies share the list, which is sorted from end to end. 0 or -ENOMEM.
int share_prepare(struct config *c, enum config_kind kind);
// Gives `to`, which has none, the list of `from`: the same one if it is prepared, else a copy. 0 or
// -ENOMEM; then what was copied so far is there.
int share_list(struct config *to, const struct config *from, enum config_kind kind);
// A list that others have too is copied. 0, or -ENOMEM and nothing has changed.
int share_own(struct config *c, enum config_kind kind);
// The configuration has no such list any more; its last owner wipes and frees it.
void share_leave(struct config *c, enum config_kind kind);

#endif

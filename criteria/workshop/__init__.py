"""The coordinator's workshop: criteria sets, local targets, groups of communes, crosswalks; in and out by Excel."""

-- What pandoc has read, brought down to what Markdown can say: no raw HTML, no images, no links into nowhere.

local List = require("pandoc.List")
local notes = List()

local function contents(element)
  return element.content
end

local function nothing()
  return {}
end

local function is_reachable(target)
  return target:match("^https?://") or target:match("^mailto:")
end

local function link(element)
  if is_reachable(element.target) and #element.content > 0 then
    return pandoc.Link(element.content, element.target)
  end
  return element.content
end

-- Images have targets of their own; what they show is told by their caption, unless that is but a file's name.
local function image(element)
  local words = pandoc.utils.stringify(element.caption)
  return words:match("%.%w%w%w%w?$") and {} or element.caption
end

local function note(element)
  notes:insert(element.content)
  return pandoc.Str("[" .. #notes .. "]")
end

local function figure(element)
  local blocks = List(element.content)
  blocks:extend(element.caption.long or {})
  return blocks
end

local function quoted(element)
  local marks = element.quotetype == "SingleQuote" and { "‘", "’" } or { "“", "”" }
  local words = List({ pandoc.Str(marks[1]) })
  words:extend(element.content)
  words:insert(pandoc.Str(marks[2]))
  return words
end

local WORDS = { Para = true, Plain = true }

-- Cells are copied once: each look at one of pandoc's own costs as much.
local function add_rows(rows, more)
  for _, row in ipairs(more) do
    local cells = {}
    for place, cell in ipairs(row.cells) do
      cells[place] = { contents = cell.contents, width = cell.col_span, height = cell.row_span }
    end
    rows[#rows + 1] = cells
  end
end

local function rows_of(tbl)
  local rows = {}
  add_rows(rows, tbl.head.rows)
  for _, body in ipairs(tbl.bodies) do
    add_rows(rows, body.head)
    add_rows(rows, body.body)
  end
  add_rows(rows, tbl.foot.rows)
  return rows
end

-- A table of one column, or with a table or a heading in a cell, only lays out a page.
local function is_layout(rows, width)
  for _, cells in ipairs(rows) do
    for _, cell in ipairs(cells) do
      for _, block in ipairs(cell.contents) do
        if block.t == "Table" or block.t == "Header" then
          return true
        end
      end
    end
  end
  return width == 1
end

local function words_of(contents)
  local words = pandoc.utils.blocks_to_inlines(contents, { pandoc.Space() })
  for place, word in ipairs(words) do
    if word.t == "LineBreak" then
      words[place] = pandoc.Space()
    end
  end
  return words
end

-- A cell that spans columns is followed by empty ones; one that spans rows stands in its first.
local function simple_row(row, open, width)
  local cells, column = List(), 1
  local function pass_open()
    while (open[column] or 0) > 0 do
      open[column] = open[column] - 1
      cells:insert({})
      column = column + 1
    end
  end
  for _, cell in ipairs(row) do
    pass_open()
    for spanned = 1, math.min(cell.width, width) do
      cells:insert(spanned == 1 and { pandoc.Plain(words_of(cell.contents)) } or {})
      open[column] = cell.height - 1
      column = column + 1
    end
  end
  pass_open()
  while #cells < width do
    cells:insert({})
  end
  return cells:filter(function(_, place)
    return place <= width
  end)
end

local function table_of(tbl)
  local rows, blocks, width = rows_of(tbl), List(), #tbl.colspecs
  if is_layout(rows, width) then
    for _, cells in ipairs(rows) do
      for _, cell in ipairs(cells) do
        blocks:extend(cell.contents)
      end
    end
    return blocks
  end
  local open, simple, aligned, widths = {}, List(), List(), List()
  for _, cells in ipairs(rows) do
    simple:insert(simple_row(cells, open, width))
  end
  for column = 1, width do
    aligned[column], widths[column] = pandoc.AlignDefault, 0
  end
  if #simple > 0 then
    local header = simple:remove(1)
    blocks:insert(pandoc.utils.from_simple_table(pandoc.SimpleTable({}, aligned, widths, header, simple)))
  end
  blocks:extend(tbl.caption.long or {})
  return blocks
end

-- The paragraphs in a title's styles, which the reader of DOCX has taken out of the body.
local function titled(doc)
  local front = List()
  for _, name in ipairs({ "title", "subtitle", "author", "date", "abstract" }) do
    local said = doc.meta[name]
    if said ~= nil then
      local words = pandoc.Inlines(pandoc.utils.stringify(said))
      front:insert(name == "title" and pandoc.Header(1, words) or pandoc.Para(words))
    end
  end
  front:extend(doc.blocks)
  doc.blocks = front
end

local function whole(doc)
  if doc.meta.with_title then
    titled(doc)
  end
  if #notes > 0 then
    doc.blocks:insert(pandoc.HorizontalRule())
  end
  for number, blocks in ipairs(notes) do
    local first = blocks[1]
    if first and WORDS[first.t] then
      first.content:insert(1, pandoc.Space())
      first.content:insert(1, pandoc.Str("[" .. number .. "]"))
    end
    doc.blocks:extend(blocks)
  end
  return doc
end

local function plain_heading(element)
  return pandoc.Header(math.min(element.level, 6), element.content)
end

local function plain_code(element)
  return pandoc.CodeBlock(element.text)
end

return {
  {
    Note = note, Link = link, Image = image, Quoted = quoted,
    Span = contents, Underline = contents, SmallCaps = contents, Superscript = contents, Subscript = contents,
    RawInline = nothing, RawBlock = nothing,
    Div = contents, Figure = figure, Header = plain_heading, CodeBlock = plain_code,
  },
  { Table = table_of, Pandoc = whole },
}
